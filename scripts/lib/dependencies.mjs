import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runVisible } from './process.mjs';
import { stopwatch } from './progress.mjs';
import { root } from './root.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Runs `npm ci` when node_modules is missing or differs from package-lock.json.
 */
export async function ensureDependencies() {
  if (dependenciesAreInstalled(root)) return;
  console.log('Installing npm packages');
  const elapsed = stopwatch();
  const code = await runVisible('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
  if (code === 127) throw new SetupError('npm is not on PATH. It comes with Node: install both.');
  if (code !== 0) throw new SetupError(`npm ci failed with exit code ${code}.`);
  console.log(`npm packages installed in ${elapsed()}`);
}

/**
 * Whether node_modules holds what the lock file says. The lock file is read only when it is newer
 * than the last installation, and a mere newer date (a fresh checkout) reinstalls nothing.
 *
 * @param {string} folder
 */
export function dependenciesAreInstalled(folder) {
  const lock = join(folder, 'package-lock.json');
  const record = join(folder, 'node_modules/.package-lock.json');
  // A published package has no lock file: whoever installed it installed its dependencies.
  if (!existsSync(lock)) return true;
  if (!existsSync(record)) return false;
  if (statSync(lock).mtimeMs <= statSync(record).mtimeMs) return true;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  );
}

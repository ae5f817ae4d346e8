import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildNative } from './build-native.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { runAsScript } from './lib/main.mjs';
import { runVisible } from './lib/process.mjs';
import { stopwatch } from './lib/progress.mjs';
import { root } from './lib/root.mjs';
import { SetupError } from './lib/setup-error.mjs';

export { ensureDependencies };

const oldestNode = [20, 19];

/**
 * Refuses a Node that is older than package.json allows.
 *
 * @param {string} [version]
 */
export function checkNodeVersion(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new SetupError(`Sconce needs Node ${oldestNode.join('.')} or newer; this is ${version}.`);
}

/** Finds LibTorch and builds the addon, when needed. */
export const ensureNative = buildNative;

/**
 * Compiles src/ and test/ to dist/, and bundles the programs; unchanged files cost nothing. Types are
 * checked where the packages are that have them: not after `npm ci --omit=dev`.
 */
export async function ensureTypeScript() {
  const elapsed = stopwatch();
  // tsc trusts its notes: when the files that they speak of are gone, it writes nothing.
  if (!existsSync(join(root, 'dist/src'))) {
    rmSync(join(root, 'dist/.tsbuildinfo'), { force: true });
  }
  const flags = developmentPackagesAreThere() ? [] : ['--noCheck'];
  const code = await runVisible(join(root, 'node_modules/.bin/tsc'), flags, { cwd: root });
  if (code !== 0) throw new SetupError('TypeScript found errors: see above.');
  console.log(`TypeScript compiled in ${elapsed()}`);
  // Not before the packages are there: one of them bundles.
  const { bundle } = await import('./bundle.mjs');
  await bundle();
}

function developmentPackagesAreThere() {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.keys(devDependencies).every((name) => existsSync(join(root, 'node_modules', name)));
}

/** All that stands between a fresh clone and a program that runs. */
export async function bootstrap() {
  checkNodeVersion();
  await ensureDependencies();
  await ensureNative();
  await ensureTypeScript();
}

await runAsScript(import.meta.url, bootstrap);

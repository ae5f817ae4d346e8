import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../lib/libtorch-download.mjs';
import { withLock } from '../../lib/lock.mjs';
import { stopwatch } from '../../lib/progress.mjs';
import { makeFolderWhole } from '../../lib/staged-folder.mjs';
import { makeVenvWithTorch, pip } from '../../lib/test-python.mjs';
import { requireTools } from '../../lib/tools.mjs';

/**
 * Where the interpreter of a rival is or would be: their dependencies contradict each other, so each
 * has its own.
 *
 * @param {string} requirement package and version, as pip takes it
 * @param {NodeJS.ProcessEnv} env
 */
export function rivalPythonPath(requirement, env) {
  const name = requirement.replace(/[^\w.]+/g, '-');
  return join(cacheFolder(env), `rival-${name}`, 'bin/python');
}

/**
 * Makes an interpreter with torch and a rival in the cache folder, unless it is there.
 *
 * @param {string} requirement
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} its path
 */
export async function makeRivalPython(requirement, env) {
  const path = rivalPythonPath(requirement, env);
  const target = dirname(dirname(path));
  await withLock(`${target}.lock`, 'Another process installs it: waiting', async () => {
    if (existsSync(path)) return;
    requireTools(['python3'], 'Installing other servers', env);
    console.log(`Installing ${requirement} to ${target}`);
    const elapsed = stopwatch();
    await makeFolderWhole(target, async (_staging, content, signal) => {
      const report = (what) => console.log(`  ${what}, after ${elapsed()}`);
      const options = { env, signal, report };
      const own = await makeVenvWithTorch(content, options);
      report(requirement);
      await pip(own, [requirement], options);
    });
    console.log(`It is in place after ${elapsed()}`);
  });
  return path;
}

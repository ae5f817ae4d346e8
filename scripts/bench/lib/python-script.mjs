import { join } from 'node:path';
import { run } from '../../lib/process.mjs';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { findPython } from './test-python.mjs';

/**
 * Runs a program of scripts/bench to its end. Throws SetupError when there is no Python for it, or it
 * fails.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {string[]} packages that it imports
 */
export async function runPython(program, args, packages) {
  const found = await findPython(packages);
  if ('skipped' in found) throw new SetupError(`${program} cannot run: ${found.skipped}`);
  const { code, stderr } = await run(found.python, [join(root, 'scripts/bench', program), ...args]);
  if (code !== 0) throw new SetupError(`${program} failed:\n${stderr}`);
}

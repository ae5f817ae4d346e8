import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startLoop } from '../lib/loop.mjs';
import { findPython } from '../lib/test-python.mjs';

/**
 * The bare TorchScript loop in Python (`plain`, `frozen`, or prepared by a plan), or the reason why
 * there is none.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string} model the TorchScript file, relative to the root
 * @param {string} rows a file `{ requests: number[][], dims?: number[] }`, relative to the root
 * @returns {Promise<import('../lib/loop.mjs').Loop | { skipped: string }>}
 */
export function startPythonLoop(context, model, rows) {
  return startPython(context, 'bare_loop.py', [model, context.options.device, rows], ['torch']);
}

/**
 * A program of this folder that speaks the protocol of lib/loop.mjs.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string} program
 * @param {string[]} args
 * @param {string[]} packages that it imports
 * @returns {Promise<import('../lib/loop.mjs').Loop | { skipped: string }>}
 */
export async function startPython({ children }, program, args, packages) {
  const found = await findPython(packages);
  if ('skipped' in found) return found;
  return startLoop(children, {
    name: 'The Python loop',
    command: found.python,
    // No compiled files beside the sources.
    args: ['-B', join(root, 'scripts/bench', program), ...args],
    options: { cwd: root },
  });
}

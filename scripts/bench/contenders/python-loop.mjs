import { join } from 'node:path';
import { findExecutable, run } from '../../lib/process.mjs';
import { root } from '../../lib/root.mjs';
import { startLoop } from '../lib/loop.mjs';

/**
 * The bare TorchScript loop in Python, plain and frozen, or the reason why there is none:
 * `python3` on PATH, or the program that SCONCE_PYTHON names, must have torch.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string} model the TorchScript file, relative to the root
 * @param {string} rows a file `{ requests: number[][] }`, relative to the root
 * @returns {Promise<import('../lib/loop.mjs').Loop | { skipped: string }>}
 */
export async function startPythonLoop({ children, options }, model, rows) {
  const named = process.env.SCONCE_PYTHON;
  const python = named ?? 'python3';
  const shown = named === undefined ? 'python3 on PATH' : 'the program that SCONCE_PYTHON names';
  if (findExecutable(python) === null) return { skipped: `${shown} does not exist` };
  const { code } = await run(python, ['-c', 'import torch']);
  if (code !== 0) return { skipped: `${shown} cannot import torch` };
  return startLoop(children, {
    name: 'The Python loop',
    command: python,
    args: [join(root, 'scripts/bench/bare_loop.py'), model, options.device, rows],
    options: { cwd: root },
  });
}

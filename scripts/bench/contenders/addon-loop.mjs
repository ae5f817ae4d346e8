import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startLoop } from '../lib/loop.mjs';

/**
 * The addon in a process of its own, without a server: what HTTP and assembling cost is the
 * difference to Sconce; what the slab and the hop between threads cost, that to Python.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string} model the TorchScript file, relative to the root
 * @param {string} rows a file `{ requests: number[][], dims?: number[] }`, relative to the root
 * @param {number} [threads] inside an operation
 */
export function startAddonLoop({ children, options }, model, rows, threads = 1) {
  const device = options.device === 'cuda' ? 'cuda:0' : options.device;
  return startLoop(children, {
    name: 'The addon loop',
    command: process.execPath,
    args: [join(root, 'scripts/bench/addon-loop.mjs'), model, device, rows, String(threads)],
    options: { cwd: root },
  });
}

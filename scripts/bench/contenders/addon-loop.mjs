import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { deviceName } from '../lib/device-figures.mjs';
import { startLoop } from '../lib/loop.mjs';

/**
 * What the addon runs. Paths are relative to the root.
 *
 * @typedef {object} AddonLoopOptions
 * @property {string} path the TorchScript file
 * @property {string} rows a file `{ requests: number[][], dims?: number[], dtype?: string }`
 * @property {number} [threads] inside an operation, 1 unless given
 * @property {number} [instances] 1 unless given
 * @property {object} [plan] as bare_plans.py has it, and `graphs`; frozen unless given
 * @property {number[]} [graphRows] rows of batches that have graphs, where the plan says so
 * @property {number} [slabs] that are under way at the same time, 1 unless given
 * @property {boolean} [refill] false: a slab's rows are copied into it once, and not for each batch
 */

/**
 * What it says when it is ready; `device` is what the addon counts after loading, before any batch.
 *
 * @typedef {{ version: string, predictions: number[][],
 *   captured: { rows: number, bytes: number, problem?: string }[],
 *   device?: { allocatedBytes: number } }} AddonLoopReady
 */

/**
 * The addon in a process of its own, without a server: what HTTP and assembling cost is the
 * difference to Sconce; what the slab and the hop between threads cost, that to Python.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {AddonLoopOptions} loop
 */
export function startAddonLoop({ children, options }, loop) {
  const given = JSON.stringify({ ...loop, device: deviceName(options.device) });
  return startLoop(children, {
    name: 'The addon loop',
    command: process.execPath,
    args: [join(root, 'scripts/bench/addon-loop.mjs'), given],
    options: { cwd: root },
  });
}

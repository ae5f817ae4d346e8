import { deviceName } from '../lib/device-figures.mjs';
import { startPython } from './python-loop.mjs';

/**
 * The bare TorchScript loop of a GPU, or the reason why there is none. Questions are those of
 * bare_loop_lanes.py: `{ plan, rows, seconds, lanes, copies }`.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string} model the TorchScript file
 * @param {string} rows its file of rows
 * @returns {Promise<import('../lib/loop.mjs').Loop | { skipped: string }>}
 */
export function startLanesLoop(context, model, rows) {
  const args = [model, deviceName(context.options.device), rows];
  return startPython(context, 'bare_loop_lanes.py', args, ['torch']);
}

import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startLoop } from '../lib/loop.mjs';

/**
 * Decoding and resizing alone, in a process of its own.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {number} threads that resize, as a server's handler has them
 * @param {string[]} images paths
 */
export function startDecodeLoop({ children }, threads, images) {
  return startLoop(children, {
    name: 'The decode loop',
    command: process.execPath,
    args: [join(root, 'scripts/bench/decode-loop.mjs'), String(threads), ...images],
    options: { cwd: root },
  });
}

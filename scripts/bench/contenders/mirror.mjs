import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startServer } from '../lib/server.mjs';

/**
 * A bare Fastify server that answers every POST to `/` with the request's body.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 */
export function startMirror({ children }) {
  return startServer(children, {
    name: 'The bare Fastify server',
    command: process.execPath,
    args: [join(root, 'scripts/bench/mirror-server.mjs')],
    ready: /^(http:\S+)$/m,
  });
}

import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startServer } from '../lib/server.mjs';

/**
 * A bare Fastify server that answers every POST to `/` with `reply`.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {Buffer} reply
 */
export function startEcho({ children }, reply) {
  return startServer(children, {
    name: 'The bare Fastify server',
    command: process.execPath,
    args: [join(root, 'scripts/bench/echo-server.mjs'), reply.toString('base64')],
    ready: /^(http:\S+)$/m,
  });
}

import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { collect } from './collect.mjs';
import { packageVersion } from './machine.mjs';

/**
 * @param {import('./children.mjs').Children} children
 * @returns {import('./load.mjs').LoadGenerator}
 */
export function autocannonLoad(children) {
  const program = join(root, 'scripts/bench/autocannon-load.mjs');
  return {
    name: `autocannon ${packageVersion('autocannon')}, 1 process`,
    note: 'autocannon takes about as much CPU time per request as a server does and so limits throughput where cores are few; install wrk for figures that say more of the server.',
    run: async ({ body, others = [], ...spec }) => {
      const bodies = [body, ...others].map((each) => each.toString('base64'));
      const input = JSON.stringify({ ...spec, bodies });
      return JSON.parse(await collect(children, process.execPath, [program], input));
    },
  };
}

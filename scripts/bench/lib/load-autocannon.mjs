import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { loadOfProgram } from './load-program.mjs';
import { packageVersion } from './machine.mjs';

/**
 * @param {import('./children.mjs').Children} children
 * @returns {import('./load.mjs').LoadGenerator}
 */
export function autocannonLoad(children) {
  if (!existsSync(join(root, 'node_modules/autocannon'))) {
    throw new SetupError('There is nothing to send load with: install a C++ compiler, or wrk.');
  }
  const program = join(root, 'scripts/bench/autocannon-load.mjs');
  return {
    name: `autocannon ${packageVersion('autocannon')}, 1 process`,
    note: 'autocannon takes about as much CPU time per request as a server does and so limits throughput where cores are few; install wrk for figures that say more of the server.',
    run: (spec) => loadOfProgram(children, program, spec),
  };
}

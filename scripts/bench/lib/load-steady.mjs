import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { loadOfProgram } from './load-program.mjs';

/**
 * A closed loop for servers that answer slowly: its rate has neither the start of a measurement in it
 * nor the batches that are under way at its end. It costs a few tenths of a millisecond for a large request.
 *
 * @param {import('./children.mjs').Children} children
 * @returns {import('./load.mjs').LoadGenerator}
 */
export function steadyLoad(children) {
  const program = join(root, 'scripts/bench/steady-load.mjs');
  return {
    name: `steady-load.mjs, Node ${process.versions.node}`,
    note: 'The load is `scripts/bench/steady-load.mjs`: a rate is counted from answer to answer, without the start of a measurement and without what is under way at its end.',
    run: (spec) => loadOfProgram(children, program, spec),
  };
}

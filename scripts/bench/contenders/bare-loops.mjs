import { availableParallelism } from 'node:os';
import { SetupError } from '../../lib/setup-error.mjs';

/**
 * How a bare loop uses the cores.
 *
 * @typedef {{ processes: number, threads: number }} Layout threads inside an operation, of each process
 *
 * @typedef {object} Configuration
 * @property {object} plan as bare_plans.py takes it
 * @property {Layout} layout
 * @property {number} rows of a batch
 *
 * @typedef {object} BareLoops
 * @property {string} version of Python's torch
 * @property {(plan: object) => Promise<number[][]>} predict what each row is answered with
 * @property {(configuration: Configuration, seconds: number) =>
 *   Promise<import('../lib/loop.mjs').LoopFigures>} run
 *   batches in all processes of the layout at the same time; rows of all per second
 */

/** One process on 1, 2, 4 … threads up to all cores, and a process for each core. @returns {Layout[]} */
export function layouts(cores = availableParallelism()) {
  const threads = [];
  for (let count = 1; count < cores; count *= 2) threads.push(count);
  const alone = [...threads, cores].map((count) => ({ processes: 1, threads: count }));
  return cores === 1 ? alone : [...alone, { processes: cores, threads: 1 }];
}

export function describeLayout({ processes, threads }) {
  const plural = (count, noun, ending) => `${count} ${noun}${count === 1 ? '' : ending}`;
  return `${plural(processes, 'process', 'es')} with ${plural(threads, 'thread', 's')}`;
}

/**
 * As many bare loops as there are cores.
 *
 * @param {() => Promise<import('../lib/loop.mjs').Loop | { skipped: string }>} start
 * @returns {Promise<BareLoops | { skipped: string }>}
 */
export async function startBareLoops(start) {
  const loops = [];
  for (let i = 0; i < availableParallelism(); i += 1) {
    const loop = await start();
    if ('skipped' in loop) return loop;
    loops.push(loop);
  }
  const [first] = loops;
  return {
    version: first.ready.version,
    predict: async (plan) => (await first.ask({ plan, predict: true })).predictions,
    run: async ({ plan, layout: { processes, threads }, rows }, seconds) => {
      const inUse = loops.slice(0, processes);
      const all = (length) =>
        Promise.all(inUse.map((loop) => loop.run({ plan, threads, rows, seconds: length })));
      // Warmed up first, so that all begin to measure at the same time.
      await all(0);
      return sum(await all(seconds));
    },
  };
}

function sum(figures) {
  const total = (name) => figures.reduce((all, each) => all + each[name], 0);
  return {
    rowsPerSecond: total('rowsPerSecond'),
    microsecondsPerBatch: total('microsecondsPerBatch') / figures.length,
    cpuMillisecondsPerRow: total('cpuMillisecondsPerRow') / figures.length,
  };
}

/**
 * Tries everything for a short while.
 *
 * @param {BareLoops} loops
 * @param {Configuration[]} configurations
 * @param {number} seconds of each
 * @returns {Promise<(Configuration & { rowsPerSecond: number })[]>} the fastest first
 */
export async function sweep(loops, configurations, seconds) {
  const tried = [];
  for (const configuration of configurations) {
    const { rowsPerSecond } = await loops.run(configuration, seconds);
    tried.push({ ...configuration, rowsPerSecond });
  }
  if (tried.length === 0) throw new SetupError('There is nothing to try.');
  return tried.sort((a, b) => b.rowsPerSecond - a.rowsPerSecond);
}

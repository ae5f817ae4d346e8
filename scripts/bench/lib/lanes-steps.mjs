import { preparationInWords } from '../contenders/sconce-plan.mjs';
import { bestPoint } from './best-concurrency.mjs';
import { significant, table, whole } from './markdown.mjs';

/**
 * How a bare loop of a GPU runs: see bare_loop_lanes.py.
 *
 * @typedef {{ lanes: number, copies: boolean }} Mode
 * @typedef {{ plan: object, rows: number } & Mode} LanesConfiguration
 */

/** One batch after the other, copies beside forward, and forward alone. @type {readonly Mode[]} */
export const modes = [
  { lanes: 1, copies: true },
  { lanes: 3, copies: true },
  { lanes: 2, copies: false },
];

/** @param {Mode} mode */
export const modeInWords = ({ lanes, copies }) =>
  `${lanes} stream${lanes === 1 ? '' : 's'} ${copies ? 'with' : 'without'} copies`;

/** @param {LanesConfiguration} configuration */
export const lanesInWords = ({ plan, rows, ...mode }) =>
  `${preparationInWords(plan)}, ${modeInWords(mode)}, batches of ${rows}`;

/**
 * Tries plans × batches × modes for a short while each.
 *
 * @param {import('./loop.mjs').Loop} loop
 * @param {readonly object[]} plans
 * @param {readonly number[]} batches
 * @param {number} seconds of each
 * @returns {Promise<(LanesConfiguration & { rowsPerSecond: number })[]>} the fastest first
 */
export async function sweepLanes(loop, plans, batches, seconds) {
  const tried = [];
  for (const plan of plans) {
    for (const rows of batches) {
      for (const mode of modes) {
        const configuration = { plan, rows, ...mode };
        const { rowsPerSecond } = await loop.run({ ...configuration, seconds });
        tried.push({ ...configuration, rowsPerSecond });
      }
    }
  }
  return tried.sort((a, b) => b.rowsPerSecond - a.rowsPerSecond);
}

/**
 * The fastest of a plan, with copies or without.
 *
 * @param {Awaited<ReturnType<typeof sweepLanes>>} swept
 * @param {object} plan
 * @param {boolean} copies
 */
export function fastest(swept, plan, copies) {
  const words = preparationInWords(plan);
  return swept.find((one) => one.copies === copies && preparationInWords(one.plan) === words);
}

/**
 * A loop at its best.
 *
 * @param {string} contender
 * @param {import('./loop.mjs').Loop} loop
 * @param {object & { rows: number }} configuration what it is asked
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function bestLoopStep(contender, loop, configuration, seconds) {
  return {
    ...{ contender, point: bestPoint, seconds },
    measure: () => loop.run({ ...configuration, seconds }),
    invalid: ({ rowsPerSecond }) => (rowsPerSecond > 0 ? undefined : 'no batch was run'),
    describe: ({ rowsPerSecond, microsecondsPerBatch }) =>
      `${whole(rowsPerSecond)} rows/s, ${significant(microsecondsPerBatch / 1000)} ms/batch`,
  };
}

/** Rows per second of everything that was tried. */
export function lanesTable(swept) {
  const batches = [...new Set(swept.map(({ rows }) => rows))].sort((a, b) => a - b);
  const lineOf = ({ plan, ...mode }) => `${preparationInWords(plan)}, ${modeInWords(mode)}`;
  const rateOf = (line, rows) => swept.find((one) => lineOf(one) === line && one.rows === rows);
  return table(
    ['', ...batches.map((rows) => `b=${rows}`)],
    [...new Set(swept.map(lineOf))].map((line) => [
      line,
      ...batches.map((rows) => whole(rateOf(line, rows).rowsPerSecond)),
    ]),
  );
}

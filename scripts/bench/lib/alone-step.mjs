import { availableParallelism } from 'node:os';
import { bestPoint } from './best-concurrency.mjs';
import { significant, whole } from './markdown.mjs';

/**
 * A loop of single images that has the machine to itself.
 *
 * @param {string} contender
 * @param {import('./loop.mjs').Loop} loop
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function aloneStep(contender, loop, seconds) {
  return {
    ...{ contender, point: bestPoint, seconds },
    measure: async () => ({
      ...(await loop.run({ rows: 1, seconds })),
      machineCores: availableParallelism(),
    }),
    invalid: ({ rowsPerSecond }) => (rowsPerSecond > 0 ? undefined : 'nothing was decoded'),
    describe: ({ rowsPerSecond, cpuMillisecondsPerRow }) =>
      `${whole(rowsPerSecond)} images/s, ${significant(cpuMillisecondsPerRow)} ms of CPU each`,
  };
}

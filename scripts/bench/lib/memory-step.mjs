import { table, whole, withSpread } from './markdown.mjs';
import { memoryOfTree } from './processes.mjs';

/** The point of memory, which is read when the round's load is over. */
export const memoryPoint = 'memory';

/**
 * @param {import('./load-step.mjs').LoadContender} contender
 * @returns {import('./rounds.mjs').Step}
 */
export function memoryStep({ name, server }) {
  return {
    contender: name,
    point: memoryPoint,
    seconds: 0,
    measure: async () => ({ mebibytes: memoryOfTree(server.pid) }),
    invalid: ({ mebibytes }) => (mebibytes > 0 ? undefined : 'this system does not say'),
    describe: ({ mebibytes }) => `${whole(mebibytes)} MiB`,
  };
}

/**
 * Memory of each contender.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 */
export function memoryTable(results, contenders) {
  return table(
    ['', 'MiB'],
    contenders.map((name) => [
      name,
      withSpread(results.spread(name, memoryPoint, 'mebibytes'), whole),
    ]),
  );
}

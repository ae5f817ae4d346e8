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
 * Memory right after load of its own, for a server that is not measured otherwise.
 *
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {import('./load-step.mjs').LoadContender} contender
 * @param {number} connections
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function loadedMemoryStep(load, contender, connections, seconds) {
  const step = memoryStep(contender);
  return {
    ...step,
    seconds,
    measure: async () => {
      await load.run({ ...contender.request, connections, seconds });
      return step.measure();
    },
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

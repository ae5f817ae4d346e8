import { invalidReason } from './load.mjs';
import { significant, table, whole, withSpread } from './markdown.mjs';

const warmUpSeconds = 1;
const warmUpConnections = 16;

/**
 * A server and the request that it is sent.
 *
 * @typedef {object} LoadContender
 * @property {string} name
 * @property {import('./server.mjs').Server} server
 * @property {{ url: string, body: Buffer, headers: Record<string, string> }} request
 */

/** Connections as a point of a measurement. */
export const connectionsPoint = (connections) => `c=${connections}`;

/**
 * Some load before the first measurement, so that code is compiled and memory is there.
 *
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {LoadContender} contender
 */
export async function warmUp(load, { server, request }) {
  await load.run({ ...request, connections: warmUpConnections, seconds: warmUpSeconds });
  server.assertAlive();
}

/**
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {LoadContender} contender
 * @param {number} connections
 * @param {number} seconds
 * @returns {import('./rounds.mjs').Step}
 */
export function loadStep(load, { name, server, request }, connections, seconds) {
  return {
    contender: name,
    point: connectionsPoint(connections),
    seconds,
    measure: async () => {
      const figures = await load.run({ ...request, connections, seconds });
      server.assertAlive();
      return figures;
    },
    invalid: invalidReason,
    describe: ({ throughput, p50, p99 }) =>
      `${whole(throughput)} req/s, p50 ${significant(p50)}, p99 ${significant(p99)} ms`,
  };
}

/**
 * Those numbers of connections that a run has figures of.
 *
 * @param {import('./results.mjs').Results} results
 * @param {number[]} connections
 */
export function measured(results, connections) {
  return connections.filter((count) => results.has(connectionsPoint(count)));
}

const latencies = ['p50', 'p90', 'p99', 'p999', 'mean'];

/**
 * Throughput of each contender against the number of connections.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 * @param {number[]} connections
 */
export function throughputTable(results, contenders, connections) {
  return table(
    ['connections', ...contenders],
    measured(results, connections).map((count) => [
      String(count),
      ...contenders.map((contender) =>
        withSpread(results.spread(contender, connectionsPoint(count), 'throughput'), whole),
      ),
    ]),
  );
}

/**
 * Percentiles of the latency, a row for each contender and number of connections.
 *
 * @param {import('./results.mjs').Results} results
 * @param {string[]} contenders
 * @param {number[]} connections
 */
export function latencyTable(results, contenders, connections) {
  const row = (contender, count) => [
    `${count}, ${contender}`,
    ...latencies.map((name) =>
      withSpread(results.spread(contender, connectionsPoint(count), name)),
    ),
  ];
  return table(
    ['connections', 'p50', 'p90', 'p99', 'p99.9', 'mean'],
    measured(results, connections).flatMap((count) =>
      contenders.map((contender) => row(contender, count)),
    ),
  );
}

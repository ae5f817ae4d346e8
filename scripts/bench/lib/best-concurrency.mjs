import { invalidReason } from './load.mjs';
import { significant, table, whole } from './markdown.mjs';

/** Best among several numbers of connections, tried for a short while each. */
export const bestPoint = 'best';

/**
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {import('./load-step.mjs').LoadContender} contender
 * @param {readonly number[]} connections
 * @param {number} seconds of each
 * @returns {Promise<{ connections: number, throughput: number, tried: Attempt[] }>} the fewest
 *   connections that bring as much as any, within two in a hundred
 *
 * @typedef {{ connections: number, throughput: number }} Attempt throughput 0 where it does not count
 */
export async function bestConcurrency(load, { name, server, request }, connections, seconds) {
  const tried = [];
  for (const count of connections) {
    const figures = await load.run({ ...request, connections: count, seconds });
    server.assertAlive();
    const throughput = invalidReason(figures) === undefined ? figures.throughput : 0;
    tried.push({ connections: count, throughput });
  }
  const most = Math.max(...tried.map(({ throughput }) => throughput));
  const best = tried.find(({ throughput }) => throughput >= most * 0.98);
  console.log(`  ${name}: best with ${best.connections} connections, ${significant(most)} req/s`);
  return { ...best, tried };
}

/**
 * Requests per second of each contender against the connections that were tried.
 *
 * @param {Record<string, Attempt[]>} attempts by contender
 */
export function attemptTable(attempts) {
  const counts = [
    ...new Set(
      Object.values(attempts)
        .flat()
        .map((one) => one.connections),
    ),
  ];
  const names = Object.keys(attempts);
  const cell = (name, count) => {
    const found = attempts[name].find(({ connections }) => connections === count);
    if (found === undefined) return '–';
    return (found.throughput >= 1000 ? whole : significant)(found.throughput);
  };
  return table(
    ['connections', ...names],
    counts
      .sort((a, b) => a - b)
      .map((count) => [String(count), ...names.map((name) => cell(name, count))]),
  );
}

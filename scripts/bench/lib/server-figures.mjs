import { latencyTable, throughputTable } from './load-step.mjs';
import { memoryTable } from './memory-step.mjs';
import { connectionsPanel } from './panels.mjs';

/** What a subject says of its memory figures. */
export const memoryNote =
  'Memory is the proportional set size after the load of a round: pages that processes share are counted once.';

/**
 * Throughput, latency and memory of servers that answer the same requests.
 *
 * @param {import('./results.mjs').Results} results
 * @param {readonly string[]} contenders
 * @param {readonly number[]} connections
 */
export function serverTables(results, contenders, connections) {
  return [
    {
      title: 'Throughput in requests per second',
      text: throughputTable(results, contenders, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, contenders, connections) },
    memoryOfServers(results, contenders),
  ];
}

/** Memory as a table of a section. */
export const memoryOfServers = (results, contenders) => ({
  title: 'Memory of the server and all that it started',
  text: memoryTable(results, contenders),
});

/** Throughput and p50 of the same servers. */
export function serverPanels(results, contenders, connections) {
  const panel = (title, figure) =>
    connectionsPanel(results, { title, logarithmic: true, contenders, connections, figure });
  return [
    panel('Throughput, requests per second', 'throughput'),
    panel('Latency p50, milliseconds', 'p50'),
  ];
}

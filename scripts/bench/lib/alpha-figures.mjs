import { eventLoopTable } from './event-loop-step.mjs';
import { connectionsPoint, latencyTable, measured, throughputTable } from './load-step.mjs';
import { loopTable, rowsPoint } from './loop-step.mjs';
import { ratioOf } from './ratio.mjs';
import { startPoint, startTable } from './start-step.mjs';

/** Contenders of the subject alpha, connections and rows of a batch. */
export const names = {
  echo: 'echo',
  json: 'Sconce JSON',
  binary: 'Sconce binary',
  torchServe: 'TorchServe',
  tuned: 'TorchServe tuned',
  defaults: 'TorchServe defaults',
  frozen: 'Python frozen',
  plain: 'Python plain',
  addon: 'addon',
  cold: 'Sconce',
  warm: 'Sconce again',
};
export const connections = [1, 16, 64, 128];
export const batchRows = [1, 8, 32, 128];

const servers = [
  ...[names.echo, names.json, names.binary],
  ...[names.torchServe, names.tuned, names.defaults],
];
const sconce = [names.json, names.binary];
const loops = [names.frozen, names.plain, names.addon];
const starts = [names.cold, names.warm, names.torchServe];

const throughput = (one, other, count) =>
  ratioOf(one, other, connectionsPoint(count), 'throughput');

export const alphaComparisons = [
  { id: 'alpha-over-echo', compute: throughput(names.json, names.echo, 64) },
  {
    id: 'alpha-p50',
    compute: (find) =>
      find(names.json, connectionsPoint(1))?.p50 - find(names.echo, connectionsPoint(1))?.p50,
  },
  ...[1, 64, 128].map((count) => ({
    id: `alpha-over-torchserve-${count}`,
    label: `Throughput at c=${count}, Sconce JSON over TorchServe`,
    compute: throughput(names.json, names.torchServe, count),
  })),
  {
    id: 'alpha-start',
    compute: ratioOf(names.cold, names.torchServe, startPoint, 'milliseconds'),
  },
  {
    id: 'alpha-loop-delay',
    compute: (find) => find(names.json, connectionsPoint(128))?.loopDelayP99,
  },
  ...[1, 64, 128].map((count) => ({
    label: `Throughput at c=${count}, Sconce JSON over TorchServe tuned`,
    compute: throughput(names.json, names.tuned, count),
  })),
  {
    label: 'Throughput at c=64, Sconce binary over echo',
    compute: throughput(names.binary, names.echo, 64),
  },
  {
    label: 'Rows per second at b=32, addon over Python frozen',
    compute: ratioOf(names.addon, names.frozen, rowsPoint(32), 'rowsPerSecond'),
  },
];

/** @param {import('./results.mjs').Results} results */
export function alphaTables(results) {
  return [
    {
      title: 'Throughput in requests per second',
      text: throughputTable(results, servers, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, servers, connections) },
    { title: 'From start to first answer', text: startTable(results, starts) },
    { title: 'The event loop under load', text: eventLoopTable(results, sconce, connections) },
    { title: 'Without HTTP', text: loopTable(results, loops, batchRows) },
  ];
}

/** @param {import('./results.mjs').Results} results */
export function alphaPanels(results) {
  const counts = measured(results, connections);
  const line = (name, figure, label, dashed) => ({
    ...{ label, dashed, color: servers.indexOf(name) },
    points: counts.map((count) => results.spread(name, connectionsPoint(count), figure)),
  });
  const known = servers.filter((name) => results.spread(name, connectionsPoint(1), 'throughput'));
  const axis = { ticks: counts.map(String), xLabel: 'connections' };
  return [
    {
      ...axis,
      title: 'Throughput, requests per second',
      logarithmic: true,
      series: known.map((name) => line(name, 'throughput', name, false)),
    },
    {
      ...axis,
      title: 'Latency p50 and p99 (dashed), milliseconds',
      logarithmic: true,
      series: [
        ...known.map((name) => line(name, 'p50', name, false)),
        ...known.map((name) => line(name, 'p99', undefined, true)),
      ],
    },
  ];
}

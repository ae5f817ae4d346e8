import { bestPoint } from './best-concurrency.mjs';
import { connectionsPoint, latencyTable, measured, throughputTable } from './load-step.mjs';
import { significant, table, withSpread } from './markdown.mjs';
import { memoryPoint } from './memory-step.mjs';
import { memoryOfServers } from './server-figures.mjs';

export const connections = [1, 16];

export const names = {
  sconce: 'Sconce',
  torchServe: 'TorchServe',
  one: 'bare, one text',
  plain: 'bare plain',
  best: 'bare, best',
};

const servers = [names.sconce, names.torchServe];
const loops = [names.one, names.plain, names.best];

const figureOf = (find, name, count, figure) => find(name, connectionsPoint(count))?.[figure];
const ratio = (count, figure) => (find) =>
  figureOf(find, names.sconce, count, figure) / figureOf(find, names.torchServe, count, figure);

export const minilmComparisons = [
  { label: 'Throughput at c=16, Sconce over TorchServe', compute: ratio(16, 'throughput') },
  { label: 'Throughput at c=1, Sconce over TorchServe', compute: ratio(1, 'throughput') },
  { label: 'p99 at c=16, Sconce over TorchServe', compute: ratio(16, 'p99') },
  {
    label: 'Texts/s, Sconce at c=16 over the best bare loop',
    compute: (find) =>
      figureOf(find, names.sconce, 16, 'throughput') / find(names.best, bestPoint)?.rowsPerSecond,
  },
  {
    label: 'p50 at c=1, Sconce minus the bare loop with one text',
    ...{ unit: 'ms' },
    compute: (find) =>
      figureOf(find, names.sconce, 1, 'p50') -
      find(names.one, bestPoint)?.microsecondsPerBatch / 1000,
  },
  {
    label: 'Memory, Sconce over TorchServe',
    compute: (find) =>
      find(names.sconce, memoryPoint)?.mebibytes / find(names.torchServe, memoryPoint)?.mebibytes,
  },
];

/** @param {import('./results.mjs').Results} results */
export function minilmTables(results) {
  return [
    {
      title: 'Throughput in texts per second',
      text: throughputTable(results, servers, connections),
    },
    { title: 'CPU time in milliseconds for a text', text: cpuTable(results) },
    { title: 'Without a server', text: loopTable(results) },
    { title: 'Latency in milliseconds', text: latencyTable(results, servers, connections) },
    memoryOfServers(results, servers),
  ];
}

function cpuTable(results) {
  const figure = (name, point) => withSpread(results.spread(name, point, 'cpuMillisecondsPerRow'));
  return table(
    ['', ...connections.map(connectionsPoint), 'a loop'],
    [
      ...servers.map((name) => [
        name,
        ...connections.map((count) => figure(name, connectionsPoint(count))),
        '–',
      ]),
      ...loops.map((name) => [name, ...connections.map(() => '–'), figure(name, bestPoint)]),
    ],
  );
}

function loopTable(results) {
  const figure = (name, which) => results.spread(name, bestPoint, which);
  return table(
    ['', 'texts/s', 'µs per batch'],
    loops.map((name) => [
      name,
      withSpread(figure(name, 'rowsPerSecond'), significant),
      withSpread(figure(name, 'microsecondsPerBatch')),
    ]),
  );
}

/** @param {import('./results.mjs').Results} results */
export function minilmPanels(results) {
  const counts = measured(results, connections);
  const axis = { ticks: counts.map(String), xLabel: 'connections' };
  const line = (name, color, figure, label, dashed = false) => ({
    ...{ label, color, dashed },
    points: counts.map((count) => results.spread(name, connectionsPoint(count), figure)),
  });
  const level = (name, color) => ({
    ...{ label: name, color, dashed: true },
    points: counts.map(() => results.spread(name, bestPoint, 'rowsPerSecond')),
  });
  return [
    {
      ...axis,
      title: 'Throughput, texts per second',
      series: [
        line(names.torchServe, 0, 'throughput', names.torchServe),
        line(names.sconce, 1, 'throughput', names.sconce),
        level(names.best, 3),
        level(names.one, 2),
      ],
    },
    {
      ...axis,
      title: 'Latency, milliseconds',
      logarithmic: true,
      series: [
        line(names.torchServe, 0, 'p50', 'TorchServe p50'),
        line(names.sconce, 1, 'p50', 'Sconce p50'),
        line(names.torchServe, 0, 'p99', 'TorchServe p99', true),
        line(names.sconce, 1, 'p99', 'Sconce p99', true),
      ],
    },
  ];
}

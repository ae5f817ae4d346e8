import { deviceTables } from './device-figures.mjs';
import { connectionsPoint, latencyTable, measured, throughputTable } from './load-step.mjs';
import { loopTable, rowsPoint } from './loop-step.mjs';
import { connectionsPanel, linePanel } from './panels.mjs';
import { ratioOf } from './ratio.mjs';

/** Contenders of the subject cuda-launch: of the model of many layers, and of alpha. */
export const names = {
  bare: 'bare',
  bareGraphs: 'bare, graphs',
  addon: 'addon',
  addonGraphs: 'addon, graphs',
  sconce: 'Sconce without graphs',
  sconceGraphs: 'Sconce',
  alphaBare: 'alpha: bare',
  alphaBareGraphs: 'alpha: bare, graphs',
  alphaAddon: 'alpha: addon',
  alphaAddonGraphs: 'alpha: addon, graphs',
};

export const batchRows = [1, 8];
export const connections = [1, 16];

const loops = [names.bare, names.bareGraphs, names.addon, names.addonGraphs];
const alphaLoops = [
  ...[names.alphaBare, names.alphaBareGraphs],
  ...[names.alphaAddon, names.alphaAddonGraphs],
];
const servers = [names.sconce, names.sconceGraphs];

const batches = (one, other) => ratioOf(one, other, rowsPoint(1), 'rowsPerSecond');
const throughput = (count) =>
  ratioOf(names.sconceGraphs, names.sconce, connectionsPoint(count), 'throughput');

export const cudaLaunchComparisons = [
  { id: 'cuda-graphs', compute: batches(names.addonGraphs, names.addon) },
  {
    label: 'The same in the bare loop',
    compute: batches(names.bareGraphs, names.bare),
  },
  { label: 'Throughput at c=1, Sconce with graphs over without', compute: throughput(1) },
  { label: 'Throughput at c=16, Sconce with graphs over without', compute: throughput(16) },
  {
    label: 'Batches of one row per second, addon over bare, both with graphs',
    compute: batches(names.addonGraphs, names.bareGraphs),
  },
  {
    label: 'alpha: batches of one row per second in the addon, with graphs over without',
    compute: batches(names.alphaAddonGraphs, names.alphaAddon),
  },
];

/** @param {import('./results.mjs').Results} results */
export function cudaLaunchTables(results) {
  const loaded = measured(results, connections).flatMap((count) =>
    servers.map((contender) => ({ contender, point: connectionsPoint(count) })),
  );
  const looped = [names.addon, names.addonGraphs].map((contender) => ({
    ...{ contender, point: rowsPoint(1) },
  }));
  return [
    { title: 'Without HTTP', text: loopTable(results, loops, batchRows) },
    { title: 'alpha without HTTP', text: loopTable(results, alphaLoops, [1]) },
    {
      title: 'Throughput in requests per second',
      text: throughputTable(results, servers, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, servers, connections) },
    ...deviceTables(results, [...looped, ...loaded]),
  ];
}

/** @param {import('./results.mjs').Results} results */
export function cudaLaunchPanels(results) {
  return [
    linePanel(results, {
      ...{ title: 'Batches per second by rows', xLabel: 'rows', logarithmic: true },
      points: batchRows.map((rows) => ({ tick: String(rows), point: rowsPoint(rows) })),
      ...{ contenders: loops, figure: 'rowsPerSecond' },
    }),
    connectionsPanel(results, {
      ...{ title: 'Latency p50, milliseconds', logarithmic: true },
      ...{ contenders: servers, connections, figure: 'p50' },
    }),
  ];
}

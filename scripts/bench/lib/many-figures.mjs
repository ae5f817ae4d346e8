import { significant, table, whole, withSpread } from './markdown.mjs';
import { memoryPoint } from './memory-step.mjs';
import { linePanel } from './panels.mjs';
import { memoryOfServers } from './server-figures.mjs';

/** Models of the subject many, and who serves how many of them. */
export const modelCount = 20;
export const names = {
  one: 'Sconce, 1 model',
  many: `Sconce, ${modelCount} models`,
  torchServe: `TorchServe, ${modelCount} models`,
};
/** How load is spread over the models. */
export const points = {
  even: 'even',
  zipf: 'Zipf',
  bound: 'own connections',
};

const contenders = Object.values(names);
const figure = (find, name, point, of) => find(name, point)?.[of];

/** MiB that a further model takes. */
const perModel = (find) =>
  (figure(find, names.many, memoryPoint, 'mebibytes') -
    figure(find, names.one, memoryPoint, 'mebibytes')) /
  (modelCount - 1);

const manyOver = (other, point, of) => (find) =>
  figure(find, names.many, point, of) /
  figure(find, other, of === 'mebibytes' ? memoryPoint : point, of);

export const manyComparisons = [
  {
    label: `Throughput, ${modelCount} models evenly over 1 model`,
    compute: manyOver(names.one, points.even, 'throughput'),
  },
  {
    label: `Throughput, ${modelCount} models by Zipf over 1 model`,
    compute: (find) =>
      figure(find, names.many, points.zipf, 'throughput') /
      figure(find, names.one, points.even, 'throughput'),
  },
  {
    label: `Throughput, ${modelCount} models evenly, Sconce over TorchServe`,
    compute: manyOver(names.torchServe, points.even, 'throughput'),
  },
  {
    label: 'Smallest over largest share of equal demand, Sconce',
    compute: (find) => figure(find, names.many, points.bound, 'fairness'),
  },
  {
    label: 'Smallest over largest share of equal demand, TorchServe',
    compute: (find) => figure(find, names.torchServe, points.bound, 'fairness'),
  },
  { label: 'Memory of a further model, Sconce', unit: 'MiB', compute: perModel },
  {
    label: `Memory with ${modelCount} models, Sconce over TorchServe`,
    compute: manyOver(names.torchServe, memoryPoint, 'mebibytes'),
  },
];

/** @param {import('./results.mjs').Results} results */
export function manyTables(results) {
  const cell = (name, point, of, format = significant) =>
    withSpread(results.spread(name, point, of), format);
  const loaded = Object.values(points).flatMap((point) =>
    contenders
      .filter((name) => results.spread(name, point, 'throughput'))
      .map((name) => [
        `${point}, ${name}`,
        cell(name, point, 'throughput', whole),
        ...['p50', 'p99', 'worstP99', 'fairness'].map((of) => cell(name, point, of)),
      ]),
  );
  return [
    {
      title: 'Load',
      text: table(
        [
          ...['', 'requests/s', 'p50, ms', 'p99, ms', 'largest p99 of a model, ms'],
          'smallest over largest share',
        ],
        loaded,
      ),
    },
    memoryOfServers(results, contenders),
  ];
}

/** @param {import('./results.mjs').Results} results */
export function manyPanels(results) {
  const shown = Object.values(points).map((point) => ({ tick: point, point }));
  const panel = (title, of) =>
    linePanel(results, {
      ...{ title, xLabel: 'load', logarithmic: true, points: shown, contenders },
      figure: of,
    });
  return [
    panel('Throughput, requests per second', 'throughput'),
    panel('Latency p99, milliseconds', 'p99'),
  ];
}

import { significant, table, whole, withSpread } from './markdown.mjs';

/** Contenders of the subject open, and rates as shares of what each does at most. */
export const names = { echo: 'echo', sconce: 'Sconce', torchServe: 'TorchServe tuned' };
export const shares = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9];

const contenders = Object.values(names);

export const saturationPoint = 'max';
export const sharePoint = (share) => `${Math.round(share * 100)} %`;
const seventy = sharePoint(0.7);

const tail = (name) => (find) => find(name, seventy)?.p99 / find(name, seventy)?.p50;

export const openComparisons = [
  { id: 'open-tail', compute: tail(names.sconce) },
  ...[names.echo, names.torchServe].map((name) => ({
    label: `p99 over p50 at 70 % of saturation, ${name}`,
    compute: tail(name),
  })),
  {
    label: 'Saturation, Sconce over echo',
    compute: (find) =>
      find(names.sconce, saturationPoint)?.throughput /
      find(names.echo, saturationPoint)?.throughput,
  },
  {
    label: 'p99 at 70 % of saturation, Sconce over TorchServe tuned',
    compute: (find) => find(names.sconce, seventy)?.p99 / find(names.torchServe, seventy)?.p99,
  },
];

const measuredShares = (results) => shares.filter((share) => results.has(sharePoint(share)));

/** @param {import('./results.mjs').Results} results */
export function openTables(results) {
  const cell = (name, point, figure, format = significant) =>
    withSpread(results.spread(name, point, figure), format);
  const latencies = ['p50', 'p90', 'p99', 'p999'];
  return [
    {
      title: 'Saturation: a closed loop, requests per second',
      text: table(
        ['', 'requests/s'],
        contenders.map((name) => [name, cell(name, saturationPoint, 'throughput', whole)]),
      ),
    },
    {
      title: 'Latency in milliseconds at shares of it',
      text: table(
        ['', 'requests/s', 'p50', 'p90', 'p99', 'p99.9', "generator's lateness p99"],
        measuredShares(results).flatMap((share) =>
          contenders.map((name) => [
            `${sharePoint(share)}, ${name}`,
            cell(name, sharePoint(share), 'throughput', whole),
            ...latencies.map((figure) => cell(name, sharePoint(share), figure)),
            cell(name, sharePoint(share), 'latenessP99'),
          ]),
        ),
      ),
    },
  ];
}

/** @param {import('./results.mjs').Results} results */
export function openPanels(results) {
  const known = measuredShares(results);
  const at = (name, share, figure) => results.spread(name, sharePoint(share), figure);
  const byRate = (name, share) => {
    const point = at(name, share, 'p99');
    return point && { ...point, x: at(name, share, 'throughput').median };
  };
  const byShare = (name, color, figure, label, dashed) => ({
    ...{ color, label, dashed },
    points: known.map((share) => at(name, share, figure)),
  });
  return [
    {
      title: 'Latency p99, milliseconds',
      xLabel: 'answered requests per second',
      logarithmic: true,
      series: contenders.map((name, color) => ({
        ...{ label: name, color },
        points: known.map((share) => byRate(name, share)),
      })),
    },
    {
      title: 'Latency p50 and p99 (dashed), milliseconds',
      ticks: known.map(sharePoint),
      xLabel: 'share of saturation',
      logarithmic: true,
      series: contenders.flatMap((name, color) => [
        byShare(name, color, 'p50', name, false),
        byShare(name, color, 'p99', undefined, true),
      ]),
    },
  ];
}

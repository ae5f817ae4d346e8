import { bestPoint } from './best-concurrency.mjs';
import { eventLoopTable } from './event-loop-step.mjs';
import { connectionsPoint, latencyTable, throughputTable } from './load-step.mjs';
import { table, withSpread } from './markdown.mjs';
import { memoryPoint, memoryTable } from './memory-step.mjs';
import { bestPanel } from './panels.mjs';

export const names = {
  plain: 'bare plain',
  same: 'bare, same plan',
  best: 'bare, best',
  tensor: 'Sconce tensor',
  jpeg: 'Sconce JPEG',
  bfloat16: 'Sconce bfloat16',
  torchServe: 'TorchServe JPEG',
  perCore: 'Sconce, an instance for each core',
  decode: 'decode',
  pooled: 'Sconce pooled',
  torchServePooled: 'TorchServe pooled',
};

const loops = [names.plain, names.same, names.best];
const servers = [names.tensor, names.jpeg, names.torchServe];
const sconces = [names.tensor, names.jpeg];
const pooled = [names.pooled, names.torchServePooled];

/** Connections with which every server has more to do than it can. */
export const overload = 64;
const overloaded = connectionsPoint(overload);

/** Images per second at a contender's best. The best loop has no figures of its own where it is the
 * one with the same plan. */
const rateOf = (find, name) => {
  const figures = find(name, bestPoint) ?? (name === names.best && find(names.same, bestPoint));
  return figures?.throughput ?? figures?.rowsPerSecond;
};
const over = (one, other) => (find) => rateOf(find, one) / rateOf(find, other);

/** Images per second that no server of JPEGs on these cores can exceed; see the subject's `about`. */
function boundOf(find) {
  const [decode, forward] = [names.decode, names.same].map((name) => find(name, bestPoint));
  if (decode === undefined || forward === undefined) return undefined;
  return (
    (1000 * decode.machineCores) / (decode.cpuMillisecondsPerRow + forward.cpuMillisecondsPerRow)
  );
}

export const resnetComparisons = [
  { id: 'resnet18-over-plain', compute: over(names.tensor, names.plain) },
  { id: 'resnet18-same-plan', compute: over(names.tensor, names.same) },
  { id: 'resnet18-jpeg-over-torchserve', compute: over(names.jpeg, names.torchServe) },
  {
    id: 'resnet18-memory',
    compute: (find) =>
      find(names.perCore, memoryPoint)?.mebibytes / find(names.torchServe, memoryPoint)?.mebibytes,
  },
  {
    id: 'resnet18-loop-delay',
    compute: (find) => Math.max(...sconces.map((name) => find(name, overloaded)?.loopDelayP99)),
  },
  {
    label: 'Images/s, Sconce tensor over the best bare loop',
    compute: over(names.tensor, names.best),
  },
  {
    label: 'Images/s, JPEG in bfloat16, Sconce over TorchServe in float32',
    compute: over(names.bfloat16, names.torchServe),
  },
  {
    label: 'Images/s, Sconce JPEG over its bound',
    compute: (find) => rateOf(find, names.jpeg) / boundOf(find),
  },
  { label: 'Images/s, Sconce JPEG over Sconce tensor', compute: over(names.jpeg, names.tensor) },
  {
    label: `Images/s at c=${overload}, Sconce pooled over TorchServe pooled`,
    compute: (find) =>
      find(names.pooled, overloaded)?.throughput /
      find(names.torchServePooled, overloaded)?.throughput,
  },
];

/** @param {import('./results.mjs').Results} results */
export function resnetTables(results) {
  return [
    { title: 'Images per second, each at its best', text: rateTable(results) },
    { title: 'The event loop under load', text: eventLoopTable(results, sconces, [overload]) },
    {
      title: 'Images per second, a model that costs next to nothing',
      text: throughputTable(results, pooled, [overload]),
    },
    {
      title: 'Latency in milliseconds, one connection',
      text: latencyTable(results, servers, [1]),
    },
    {
      title: 'Memory after load, an instance or a worker for each core',
      text: memoryTable(results, [names.perCore, names.torchServe]),
    },
  ];
}

function rateTable(results) {
  const spreadOf = (name) => results.paired((find) => rateOf(find, name));
  const cpu = (name) => results.spread(name, bestPoint, 'cpuMillisecondsPerRow');
  return table(
    ['', 'images/s', 'ms of CPU for an image'],
    [
      ...[...loops, ...servers, names.bfloat16, names.decode].map((name) => [
        name,
        withSpread(spreadOf(name)),
        withSpread(cpu(name)),
      ]),
      ['bound of JPEGs', withSpread(results.paired(boundOf)), '–'],
    ],
  );
}

/** @param {import('./results.mjs').Results} results */
export function resnetPanels(results) {
  const rates = (title, shown) => bestPanel(results, title, shown, rateOf);
  return [
    rates('Tensors, images per second', [...loops, names.tensor]),
    rates('JPEGs, images per second', [names.torchServe, names.jpeg, names.bfloat16]),
  ];
}

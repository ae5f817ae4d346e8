import { eventLoopTable } from './event-loop-step.mjs';
import { connectionsPoint, latencyTable, throughputTable } from './load-step.mjs';
import { connectionsPanel } from './panels.mjs';
import { ratioOf } from './ratio.mjs';

/** Contenders of the subject identity. */
export const names = {
  echoJson: 'echo, value as JSON',
  sconceJson: 'Sconce, value as JSON',
  torchServeJson: 'TorchServe, value as JSON',
  echoValue: 'echo, value',
  sconceValue: 'Sconce, value',
  echoLarge: 'echo, 1 MB',
  sconceLarge: 'Sconce, 1 MB',
  torchServeLarge: 'TorchServe, 1 MB',
};
export const connections = [1, 16];

const small = [
  ...[names.echoJson, names.sconceJson, names.torchServeJson],
  ...[names.echoValue, names.sconceValue],
];
const large = [names.echoLarge, names.sconceLarge, names.torchServeLarge];
const contenders = [...small, ...large];
const sconce = [names.sconceJson, names.sconceValue, names.sconceLarge];

const throughput = (one, other) => ({
  label: `Throughput at c=16, ${one} over ${other}`,
  compute: ratioOf(one, other, connectionsPoint(16), 'throughput'),
});
const added = (one, other) => ({
  label: `p50 at c=1, ${one} minus ${other}`,
  unit: 'ms',
  compute: (find) => find(one, connectionsPoint(1))?.p50 - find(other, connectionsPoint(1))?.p50,
});

export const identityComparisons = [
  throughput(names.sconceJson, names.echoJson),
  throughput(names.sconceValue, names.echoValue),
  throughput(names.sconceLarge, names.echoLarge),
  throughput(names.sconceJson, names.torchServeJson),
  throughput(names.sconceLarge, names.torchServeLarge),
  added(names.sconceJson, names.echoJson),
  added(names.sconceLarge, names.echoLarge),
];

/** @param {import('./results.mjs').Results} results */
export function identityTables(results) {
  return [
    {
      title: 'Throughput in requests per second, one value',
      text: throughputTable(results, small, connections),
    },
    {
      title: 'Throughput in requests per second, 1 MB',
      text: throughputTable(results, large, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, contenders, connections) },
    { title: 'The event loop under load', text: eventLoopTable(results, sconce, connections) },
  ];
}

/** @param {import('./results.mjs').Results} results */
export function identityPanels(results) {
  const panel = (title, contenders) =>
    connectionsPanel(results, {
      ...{ title, logarithmic: true, contenders, connections, figure: 'throughput' },
    });
  return [
    panel('One value, requests per second', small),
    panel('1 MB, requests per second', large),
  ];
}

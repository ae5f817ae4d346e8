import {
  alone,
  connections,
  decodeName,
  forwardName,
  modelTitles,
  sconceName,
  torchServeName,
} from './image-points.mjs';
import { connectionsPoint, latencyTable, measured, throughputTable } from './load-step.mjs';
import { significant, table, withSpread } from './markdown.mjs';

/** Milliseconds by which the event loop may be late at most, in 99 of 100 looks. */
const mostDelay = 20;

const models = Object.keys(modelTitles);
const servers = models.flatMap((model) => [sconceName(model), torchServeName(model)]);
const loops = [decodeName, ...models.map(forwardName)];
const loaded = connectionsPoint(64);

/** Images per second that no server on these cores can exceed; see the subject's `about`. */
function boundOf(find, model) {
  const decode = find(decodeName, alone);
  const forward = find(forwardName(model), alone);
  if (decode === undefined || forward === undefined) return undefined;
  const cpuMilliseconds = decode.cpuMillisecondsPerRow + forward.cpuMillisecondsPerRow;
  const shared = (1000 * decode.machineCores) / cpuMilliseconds;
  return Math.min(decode.rowsPerSecond, forward.rowsPerSecond, shared);
}

export const imageComparisons = models.flatMap((model) => [
  {
    label: `Event loop's delay p99 at c=64, ${sconceName(model)}`,
    unit: 'ms',
    target: { atMost: mostDelay },
    compute: (find) => find(sconceName(model), loaded)?.loopDelayP99,
  },
  {
    label: `Throughput at c=64, ${sconceName(model)} over the bound`,
    compute: (find) => find(sconceName(model), loaded)?.throughput / boundOf(find, model),
  },
  {
    label: `Throughput at c=64, ${sconceName(model)} over ${torchServeName(model)}`,
    compute: (find) =>
      find(sconceName(model), loaded)?.throughput / find(torchServeName(model), loaded)?.throughput,
  },
]);

/** @param {import('./results.mjs').Results} results */
export function imageTables(results) {
  return [
    {
      title: 'Throughput in images per second',
      text: throughputTable(results, servers, connections),
    },
    { title: 'What bounds it', text: boundTable(results) },
    { title: 'The event loop under load', text: eventLoopTable(results) },
    { title: 'Latency in milliseconds', text: latencyTable(results, servers, connections) },
  ];
}

function boundTable(results) {
  const row = (name, rate, cpu) => [name, withSpread(rate), withSpread(cpu)];
  return table(
    ['', 'images/s', 'ms of CPU for an image'],
    [
      ...loops.map((name) =>
        row(
          name,
          results.spread(name, alone, 'rowsPerSecond'),
          results.spread(name, alone, 'cpuMillisecondsPerRow'),
        ),
      ),
      ...models.map((model) =>
        row(
          `bound of ${modelTitles[model]}`,
          results.paired((find) => boundOf(find, model)),
          undefined,
        ),
      ),
    ],
  );
}

/** Its thread is one of the cores that the process uses. */
function eventLoopTable(results) {
  const figures = ['loopDelayP99', 'loopDelayMax', 'mainCores', 'cores'];
  return table(
    ['connections', 'delay p99, ms', 'longest delay, ms', 'cores of its thread', 'cores of all'],
    measured(results, connections).flatMap((count) =>
      models.map((model) => [
        `${count}, ${sconceName(model)}`,
        ...figures.map((figure) =>
          withSpread(
            results.spread(sconceName(model), connectionsPoint(count), figure),
            significant,
          ),
        ),
      ]),
    ),
  );
}

/** @param {import('./results.mjs').Results} results */
export function imagePanels(results) {
  const counts = measured(results, connections);
  return models.map((model) => {
    const line = (label, color, name, dashed) => ({
      ...{ label, color, dashed },
      points: counts.map((count) => results.spread(name, connectionsPoint(count), 'throughput')),
    });
    const level = (label, color, spread) => ({
      ...{ label, color, dashed: true },
      points: counts.map(() => spread),
    });
    const rate = (name) => results.spread(name, alone, 'rowsPerSecond');
    return {
      title: `${modelTitles[model]}, images per second`,
      ticks: counts.map(String),
      xLabel: 'connections',
      series: [
        line('TorchServe', 0, torchServeName(model), false),
        line('Sconce', 1, sconceName(model), false),
        level('decode', 2, rate(decodeName)),
        // Without an image a small model is off the scale.
        ...(model === 'pooled' ? [] : [level('forward', 3, rate(forwardName(model)))]),
        level(
          'bound',
          4,
          results.paired((find) => boundOf(find, model)),
        ),
      ],
    };
  });
}

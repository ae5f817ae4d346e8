import { SetupError } from '../../lib/setup-error.mjs';
import { rivals, startRival } from '../contenders/rivals.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import {
  alpha,
  jsonRequest,
  readExpected,
  sconceBatchFlags,
  verifyAlpha,
} from '../lib/alpha-model.mjs';
import {
  connectionsPoint,
  latencyTable,
  loadStep,
  measured,
  throughputTable,
  warmUp,
} from '../lib/load-step.mjs';
import { memoryStep, memoryTable } from '../lib/memory-step.mjs';
import { ratioOf } from '../lib/ratio.mjs';

const sconceName = 'Sconce';
const connections = [1, 64];
/** Without the name of the package. */
const versions = Object.fromEntries(
  rivals.map(({ name, requirement }) => [name, requirement.split('==')[1]]),
);
const contenders = [sconceName, ...rivals.map(({ name }) => name)];

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'rivals',
  title: 'rivals: other servers that run PyTorch',
  about: `The model of \`${alpha.folder}\`, one row as JSON in each request, one worker or instance, batches of up to
32 of what is waiting, one thread inside an operation. Programs: \`scripts/bench/rivals\`; they are
installed by \`node scripts/bench/rivals.mjs\`.

- **LitServe**: \`max_batch_size=32\`, \`batch_timeout=0\`. **Ray Serve**: \`@serve.batch\` with the same.
- **MLServer**: a runtime of its own, \`max_batch_size=32\`, \`max_batch_time=0.001\`, \`parallel_workers=0\`:
  the model runs in the server's process. Its requests are those of the KServe V2 protocol.`,
  prepare,
  comparisons: rivals.flatMap(({ name }) =>
    connections.map((count) => ({
      label: `Throughput at c=${count}, Sconce over ${name}`,
      compute: ratioOf(sconceName, name, connectionsPoint(count), 'throughput'),
    })),
  ),
  tables: (results) => [
    {
      title: 'Throughput in requests per second',
      text: throughputTable(results, contenders, connections),
    },
    { title: 'Latency in milliseconds', text: latencyTable(results, contenders, connections) },
    {
      title: 'Memory of the server and all that it started',
      text: memoryTable(results, contenders),
    },
  ],
  panels: (results) => {
    const counts = measured(results, connections);
    const panel = (title, figure) => ({
      title,
      ticks: counts.map(String),
      xLabel: 'connections',
      logarithmic: true,
      series: contenders.map((label, color) => ({
        ...{ label, color },
        points: counts.map((count) => results.spread(label, connectionsPoint(count), figure)),
      })),
    });
    return [
      panel('Throughput, requests per second', 'throughput'),
      panel('Latency p50, milliseconds', 'p50'),
    ];
  },
  defaults: { repeat: 3, duration: 2 },
};

async function prepare(context) {
  const { load, options } = context;
  const expected = readExpected();
  const [row] = expected.requests;
  const skipped = [];
  const found = [];
  for (const rival of rivals) {
    const server = await startRival(context, rival, row);
    if ('skipped' in server) {
      skipped.push(`${rival.name}: ${server.skipped}`);
      continue;
    }
    const url = `${server.url}${rival.path}`;
    await verifyAlpha(rival.name, url, expected, rival);
    found.push({ name: rival.name, server, request: { url, ...rival.request(row) } });
  }
  if (found.length === 0) throw new SetupError(skipped.join('; '));

  const sconce = await startSconce(context, [`${alpha.name}=${alpha.folder}`], sconceBatchFlags);
  const url = `${sconce.url}/predictions/${alpha.name}`;
  await verifyAlpha(sconceName, url, expected);
  const all = [
    { name: sconceName, server: sconce, request: { url, ...jsonRequest(row) } },
    ...found,
  ];
  for (const contender of all) await warmUp(load, contender);
  return {
    steps: [
      ...connections.flatMap((count) =>
        all.map((contender) => loadStep(load, contender, count, options.duration)),
      ),
      ...all.map(memoryStep),
    ],
    versions: { LibTorch: sconce.libtorch, ...versions },
    notes: [
      `The model runs on \`${options.device}\`.`,
      `Answers agree with \`${alpha.expectedFile}\` to ${alpha.looseTolerance.toExponential()}.`,
      'Memory is the proportional set size after the load of a round: pages that processes share are counted once.',
    ],
    skipped,
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { startTorchServeWith, torchServeVersions } from '../contenders/torchserve.mjs';
import { ask, checkAnswers } from '../lib/answers.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import {
  connectionsPoint,
  latencyTable,
  loadStep,
  measured,
  throughputTable,
  warmUp,
} from '../lib/load-step.mjs';
import { memoryPoint, memoryStep, memoryTable } from '../lib/memory-step.mjs';
import { findPython } from '../lib/test-python.mjs';

const example = join(root, 'examples/alpha_model');
const pythonHandler = join(root, 'test/compat/archives/custom_handler.py');
const model = 'alpha_model';
const tolerance = 1e-5;
const batchSize = 32;
const maxBatchDelay = 100;

const connections = [1, 16, 64];
const quickConnections = [1, 64];

const contenders = ['TorchServe', 'Sconce Python', 'Sconce TypeScript', 'Sconce tensor'];
const [torchServeName, pythonName, typeScriptName, tensorName] = contenders;

const requestOf = (row) => ({
  body: Buffer.from(JSON.stringify({ features: row })),
  headers: { 'Content-Type': 'application/json' },
});

/** A figure of one contender over that of another, at one point. */
const ratio = (label, one, other, point, figure) => ({
  label,
  compute: (find) => find(one, point)?.[figure] / find(other, point)?.[figure],
});
const throughputRatio = (one, other, count) =>
  ratio(
    `Throughput at c=${count}, ${one} over ${other}`,
    one,
    other,
    connectionsPoint(count),
    'throughput',
  );

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'handlers',
  title: 'handlers: one archive with its Python handler, and what takes its place',
  about: `The model of \`examples/alpha_model\` with \`batch_size=${batchSize}\` and \`max_batch_delay=${maxBatchDelay}\`, one worker or
instance, one JSON row per request.

- **TorchServe**: the archive with \`custom_handler.py\`, a handler of about 30 lines that parses JSON,
  stacks rows and runs the model.
- **Sconce Python**: the same archive, byte for byte, served by Sconce: the handler runs in
  TorchServe's own worker process, without its frontend in Java.
- **Sconce TypeScript**: \`alpha_handler.ts\`, the same handler written for Sconce, on its threads.
- **Sconce tensor**: the built-in handler \`tensor\`, no code.

TorchServe waits until a batch is full or \`max_batch_delay\` is over: with fewer than ${batchSize} connections
each answer takes at least those ${maxBatchDelay} ms. (It is told both per model:
it ignores them at the top level of config.properties.) Sconce runs what is there as soon as a worker is idle.`,
  prepare,
  comparisons: [
    throughputRatio(pythonName, torchServeName, 64),
    throughputRatio(typeScriptName, torchServeName, 64),
    throughputRatio(tensorName, torchServeName, 64),
    throughputRatio(typeScriptName, pythonName, 64),
    throughputRatio(typeScriptName, tensorName, 64),
    ratio(
      'p50 at c=1, Sconce Python over TorchServe',
      ...[pythonName, torchServeName, connectionsPoint(1), 'p50'],
    ),
    ratio(
      'Memory, Sconce Python over TorchServe',
      ...[pythonName, torchServeName, memoryPoint, 'mebibytes'],
    ),
    ratio(
      'Memory, Sconce TypeScript over TorchServe',
      ...[typeScriptName, torchServeName, memoryPoint, 'mebibytes'],
    ),
  ],
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
    const line = (contender, figure, label, dashed) => ({
      ...{ label, dashed, color: contenders.indexOf(contender) },
      points: counts.map((count) => results.spread(contender, connectionsPoint(count), figure)),
    });
    const axis = { ticks: counts.map(String), xLabel: 'connections', logarithmic: true };
    return [
      {
        ...axis,
        title: 'Throughput, requests per second',
        series: contenders.map((name) => line(name, 'throughput', name, false)),
      },
      {
        ...axis,
        title: 'Latency p50, milliseconds',
        series: contenders.map((name) => line(name, 'p50', name, false)),
      },
    ];
  },
  defaults: { repeat: 3, duration: 2 },
};

async function prepare(context) {
  const { load, options } = context;
  const expected = JSON.parse(readFileSync(join(example, 'expected.json'), 'utf8'));
  const archives = await writeArchives(context.folder);
  const request = requestOf(expected.requests[0]);
  const { servers, skipped } = await startServers(context, archives, request);

  const measuredContenders = [];
  for (const [name, server] of servers) {
    const url = `${server.url}/predictions/${model}`;
    // All at once, so that rows of several requests share a batch.
    const answers = await Promise.all(expected.requests.map((row) => ask(url, requestOf(row))));
    const predictions = answers.map((reply) => JSON.parse(reply).prediction);
    checkAnswers(name, predictions, expected.predictions, tolerance);
    measuredContenders.push({ name, server, request: { url, ...request } });
  }
  for (const contender of measuredContenders) await warmUp(load, contender);

  const sconce = servers.get(tensorName);
  return {
    steps: [
      ...(options.quick ? quickConnections : connections).flatMap((count) =>
        measuredContenders.map((contender) => loadStep(load, contender, count, options.duration)),
      ),
      ...measuredContenders.map((contender) => memoryStep(contender)),
    ],
    versions: {
      LibTorch: sconce.libtorch,
      ...(servers.has(torchServeName) && torchServeVersions),
    },
    notes: [
      `Models run on \`${options.device}\`; TorchServe has a Java heap of at most 256 MiB and \`OMP_NUM_THREADS=1\`, and logs warnings only, as Sconce does.`,
      `Answers agree with \`examples/alpha_model/expected.json\` to ${tolerance.toExponential()}.`,
      'Memory is the proportional set size after the load of a round: pages that processes share are counted once.',
    ],
    skipped,
  };
}

async function writeArchives(folder) {
  const common = {
    modelName: model,
    version: '1.0',
    serializedFile: join(example, 'model.pt'),
    archiveFormat: 'default',
  };
  const write = (name, options) =>
    writeBenchArchive({ ...common, ...options, modelName: name, exportPath: folder });
  const configFile = join(example, 'model-config.yaml');
  return {
    python: await write('alpha_python', { handler: pythonHandler }),
    typeScript: await write('alpha_typescript', {
      handler: join(example, 'alpha_handler.ts'),
      configFile,
    }),
    tensor: await write('alpha_tensor', { handler: 'tensor', configFile }),
  };
}

/** Each in a process of its own, so that memory is its own. */
async function startServers(context, archives, request) {
  const servers = new Map();
  const skipped = [];
  const settings = ['--batch-size', String(batchSize), '--max-batch-delay', String(maxBatchDelay)];
  const sconce = (archive, more = []) =>
    startSconce(context, [`${model}=${archive}`], [...settings, ...more]);

  const torchServe = await startTorchServeWith(context, {
    models: [{ name: model, archive: archives.python }],
    ...{ workers: 1, batchSize, maxBatchDelay, request },
  });
  if ('skipped' in torchServe) skipped.push(`${torchServeName}: ${torchServe.skipped}`);
  else servers.set(torchServeName, torchServe);

  const found = await findPython(['torch', 'ts']);
  if ('skipped' in found) skipped.push(`${pythonName}: ${found.skipped}`);
  else servers.set(pythonName, await sconce(archives.python, ['--python', found.python]));

  servers.set(typeScriptName, await sconce(archives.typeScript));
  servers.set(tensorName, await sconce(archives.tensor));
  return { servers, skipped };
}

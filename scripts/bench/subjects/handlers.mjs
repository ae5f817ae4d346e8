import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { startTorchServeWith, torchServeVersions } from '../contenders/torchserve.mjs';
import {
  alpha,
  documentedBatches,
  jsonRequest,
  readExpected,
  sconceBatchFlags,
  verifyAlpha,
  writePythonArchive,
} from '../lib/alpha-model.mjs';
import { torchServeNote } from '../lib/alpha-torchserve.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import { connectionsPoint, loadStep, warmUp } from '../lib/load-step.mjs';
import { memoryPoint, memoryStep } from '../lib/memory-step.mjs';
import { ratioOf } from '../lib/ratio.mjs';
import { memoryNote, serverPanels, serverTables } from '../lib/server-figures.mjs';
import { findPython } from '../lib/test-python.mjs';

const example = join(root, alpha.folder);
const { batchSize, maxBatchDelay } = documentedBatches;

const connections = [1, 16, 64];
const quickConnections = [1, 64];

const contenders = ['TorchServe', 'Sconce Python', 'Sconce TypeScript', 'Sconce tensor'];
const [torchServeName, pythonName, typeScriptName, tensorName] = contenders;

const ratio = (what, one, other, point, figure) => ({
  label: `${what}, ${one} over ${other}`,
  compute: ratioOf(one, other, point, figure),
});
const throughputRatio = (one, other) =>
  ratio('Throughput at c=64', one, other, connectionsPoint(64), 'throughput');
const memoryRatio = (one) => ratio('Memory', one, torchServeName, memoryPoint, 'mebibytes');

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'handlers',
  title: 'handlers: one archive with its Python handler, and what takes its place',
  about: `The model of \`${alpha.folder}\` with \`batch_size=${batchSize}\` and \`max_batch_delay=${maxBatchDelay}\`, one worker or
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
    throughputRatio(pythonName, torchServeName),
    throughputRatio(typeScriptName, torchServeName),
    throughputRatio(tensorName, torchServeName),
    throughputRatio(typeScriptName, pythonName),
    throughputRatio(typeScriptName, tensorName),
    ratio('p50 at c=1', pythonName, torchServeName, connectionsPoint(1), 'p50'),
    memoryRatio(pythonName),
    memoryRatio(typeScriptName),
  ],
  tables: (results) => serverTables(results, contenders, connections),
  panels: (results) => serverPanels(results, contenders, connections),
  defaults: { repeat: 3, duration: 2 },
};

async function prepare(context) {
  const { load, options } = context;
  const expected = readExpected();
  const archives = await writeArchives(context.folder);
  const request = jsonRequest(expected.requests[0]);
  const { servers, skipped } = await startServers(context, archives, request);

  const found = [];
  for (const [name, server] of servers) {
    const url = `${server.url}/predictions/${alpha.name}`;
    await verifyAlpha(name, url, expected);
    found.push({ name, server, request: { url, ...request } });
  }
  for (const contender of found) await warmUp(load, contender);

  return {
    steps: [
      ...(options.quick ? quickConnections : connections).flatMap((count) =>
        found.map((contender) => loadStep(load, contender, count, options.duration)),
      ),
      ...found.map(memoryStep),
    ],
    versions: {
      LibTorch: servers.get(tensorName).libtorch,
      ...(servers.has(torchServeName) && torchServeVersions),
    },
    notes: [
      `Models run on \`${options.device}\`.`,
      torchServeNote,
      `Answers agree with \`${alpha.expectedFile}\` to ${alpha.looseTolerance.toExponential()}.`,
      memoryNote,
    ],
    skipped,
  };
}

async function writeArchives(folder) {
  const write = (modelName, handler) =>
    writeBenchArchive({
      ...{ modelName, version: '1.0', serializedFile: join(root, alpha.modelFile), handler },
      configFile: join(example, 'model-config.yaml'),
      ...{ archiveFormat: 'default', exportPath: folder },
    });
  return {
    python: await writePythonArchive(folder, 'alpha_python'),
    typeScript: await write('alpha_typescript', join(example, 'alpha_handler.ts')),
    tensor: await write('alpha_tensor', 'tensor'),
  };
}

/** Each in a process of its own, so that memory is its own. */
async function startServers(context, archives, request) {
  const servers = new Map();
  const skipped = [];
  const sconce = (archive, more = []) =>
    startSconce(context, [`${alpha.name}=${archive}`], [...sconceBatchFlags, ...more]);

  const torchServe = await startTorchServeWith(context, {
    models: [{ name: alpha.name, archive: archives.python }],
    ...{ workers: 1, ...documentedBatches, request },
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

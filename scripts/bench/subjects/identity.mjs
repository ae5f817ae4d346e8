import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startMirror } from '../contenders/mirror.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { startTorchServeWith, torchServeVersions } from '../contenders/torchserve.mjs';
import { torchServeNote } from '../lib/alpha-torchserve.mjs';
import { ask, checkAnswers, checkSame } from '../lib/answers.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import { eventLoopStep } from '../lib/event-loop-step.mjs';
import {
  connections,
  identityComparisons,
  identityPanels,
  identityTables,
  names,
} from '../lib/identity-figures.mjs';
import { loadStep, warmUp } from '../lib/load-step.mjs';
import { packageVersion } from '../lib/machine.mjs';
import { runPython } from '../lib/python-script.mjs';

const megabyte = 2 ** 20;
const floatBytes = 4;
const binary = 'application/octet-stream';
/** Slabs hold whole batches. */
const largestBatch = 8;

/** What is sent; each model returns it. */
const payloads = {
  value: { model: 'identity_value', values: Float32Array.of(1.5) },
  megabyte: {
    model: 'identity_megabyte',
    values: Float32Array.from({ length: megabyte / floatBytes }, (_, i) => Math.sin(i)),
  },
};

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'identity',
  title: 'identity: a model that returns its input',
  about: `What is measured is overhead alone: the model is \`return values\`.

- **value**: one float32, as JSON (\`{"values": [1.5]}\`) or as its 4 bytes. **1 MB**: 262,144 float32 as
  1,048,576 raw bytes, both ways.
- **echo**: a bare Fastify server that answers with the bytes that it has read.
- **Sconce**: with its default settings, batches of up to ${largestBatch}.
- **TorchServe**: 1 worker, no batches, a handler in Python of about 30 lines
  (\`scripts/bench/identity_handler.py\`).`,
  prepare,
  comparisons: identityComparisons,
  tables: identityTables,
  panels: identityPanels,
  defaults: { repeat: 3, duration: 2 },
};

async function prepare(context) {
  const { load, options, folder } = context;
  const file = join(folder, 'identity.pt');
  await runPython('identity_model.py', [file], ['torch']);
  const json = {
    body: Buffer.from(JSON.stringify({ values: [...payloads.value.values] })),
    headers: { 'Content-Type': 'application/json' },
  };

  const mirror = await startMirror(context);
  const sconce = await startSconce(context, await sconceModels(folder, file));
  const theirs = await startTorchServeWith(context, await torchServeWanted(folder, file, json));
  const hasTorchServe = !('skipped' in theirs);
  const at = (name, server, path, request) => ({
    ...{ name, server },
    request: { url: `${server.url}${path}`, ...request },
  });
  const predictions = ({ model }) => `/predictions/${model}`;
  const value = binaryRequest(payloads.value);
  const large = binaryRequest(payloads.megabyte);
  const contenders = [
    at(names.echoJson, mirror, '/', json),
    at(names.sconceJson, sconce, predictions(payloads.value), json),
    ...(hasTorchServe ? [at(names.torchServeJson, theirs, predictions(payloads.value), json)] : []),
    at(names.echoValue, mirror, '/', value),
    at(names.sconceValue, sconce, predictions(payloads.value), value),
    at(names.echoLarge, mirror, '/', large),
    at(names.sconceLarge, sconce, predictions(payloads.megabyte), large),
    ...(hasTorchServe
      ? [at(names.torchServeLarge, theirs, predictions(payloads.megabyte), large)]
      : []),
  ];
  for (const { name, request } of contenders) await verify(name, request);
  for (const contender of contenders) await warmUp(load, contender);

  const loaded = (contender, count) =>
    contender.server === sconce
      ? eventLoopStep(load, contender, count, options.duration)
      : loadStep(load, contender, count, options.duration);
  return {
    steps: connections.flatMap((count) => contenders.map((contender) => loaded(contender, count))),
    versions: {
      LibTorch: sconce.libtorch,
      Fastify: packageVersion('fastify'),
      ...(hasTorchServe && torchServeVersions),
    },
    notes: [
      `Models run on \`${options.device}\`.`,
      ...(hasTorchServe ? [torchServeNote] : []),
      'Answers have the values that were sent; raw ones are the same byte for byte.',
    ],
    skipped: hasTorchServe ? [] : [`TorchServe: ${theirs.skipped}`],
  };
}

const binaryRequest = ({ values }) => ({
  body: Buffer.from(values.buffer),
  headers: { 'Content-Type': binary, Accept: binary },
});

async function verify(name, { url, body, headers }) {
  const reply = await ask(url, { body, headers });
  if (headers['Content-Type'] === binary) checkSame(name, reply, body);
  else checkAnswers(name, [JSON.parse(reply).values], [[...payloads.value.values]], 0);
}

/** One archive for each size: a row's shape stands in the configuration. */
function sconceModels(folder, serializedFile) {
  return Promise.all(
    Object.values(payloads).map(async ({ model, values }) => {
      const configFile = join(folder, `${model}.yaml`);
      const input = `{ name: values, dtype: float32, shape: [${values.length}] }`;
      const lines = [`batchSize: ${largestBatch}`, `inputs: [${input}]`, 'outputs: [name: values]'];
      writeFileSync(configFile, `${lines.join('\n')}\n`);
      const archive = await writeBenchArchive({
        ...{ modelName: model, version: '1.0', serializedFile, configFile, handler: 'tensor' },
        ...{ archiveFormat: 'zip-store', exportPath: folder },
      });
      return `${model}=${archive}`;
    }),
  );
}

async function torchServeWanted(folder, serializedFile, request) {
  const archive = await writeBenchArchive({
    ...{ modelName: 'identity', version: '1.0', serializedFile },
    handler: join(root, 'scripts/bench/identity_handler.py'),
    ...{ archiveFormat: 'default', exportPath: folder },
  });
  const models = Object.values(payloads).map(({ model }) => ({ name: model, archive }));
  return { models, workers: 1, batchSize: 1, request };
}

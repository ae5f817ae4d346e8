import { availableParallelism } from 'node:os';
import { startAddonLoop } from '../contenders/addon-loop.mjs';
import { startDecodeLoop } from '../contenders/decode-loop.mjs';
import { makeImageModels } from '../contenders/image-models.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { startTorchServeWith, torchServeVersions } from '../contenders/torchserve.mjs';
import { ask, checkAnswers } from '../lib/answers.mjs';
import { compareClasses } from '../lib/class-scores.mjs';
import { eventLoopStep } from '../lib/event-loop-step.mjs';
import { imageComparisons, imagePanels, imageTables } from '../lib/image-figures.mjs';
import {
  aloneStep,
  connections,
  decodeName,
  forwardName,
  modelTitles,
  sconceName,
  torchServeName,
} from '../lib/image-points.mjs';
import { loadStep, warmUp } from '../lib/load-step.mjs';
import { packageVersion } from '../lib/machine.mjs';

const photoBytes = 100_000;
const batchSize = 8;
const maxBatchDelay = 100;
/** Threads inside an operation, for everyone. */
const threads = 1;
/** As many as a server takes by itself. */
const handlerThreads = Math.max(1, Math.min(4, availableParallelism() - 1));

/** Of values of rows and of scores: decoders may differ in the last bit of a pixel. */
const tolerance = 0.02;
/** Of probabilities. */
const probabilityTolerance = 1e-4;
/** LibTorch's own two ways to the same scores. */
const scoreTolerance = 1e-3;

const sampledEvery = 100;

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'images',
  title: 'images: JPEGs of 100 KB to an image classifier',
  about: `An archive with \`image_classifier\`, a client that sends a photo of 640 × 480 pixels and 100 KB as it
is. Batches of up to ${batchSize}, one worker or instance, one thread inside an operation.

- **ResNet-18**: random weights; what a classifier costs on a CPU. **pooled**: average pooling and one
  layer, which cost next to nothing: what is left is the image.
- **Sconce**, **TorchServe**: the same archive with the handlers that they bring. TorchServe decodes and
  runs in one process; it waits up to ${maxBatchDelay} ms for a batch to fill. Its Python, which
  \`SCONCE_PYTHON\` names, needs a torchvision that can be imported; of that only the transforms are used.
- **decode**: images decoded, resized and normalised as Sconce's handler does it, on as many threads,
  without server and model. **forward**: the model in Sconce's addon without a server, on one thread,
  batches of ${batchSize}. Both have the machine to themselves.

The **bound** is the least of three: what decode does, what forward does, and what all cores could do
with the CPU time that both take for an image. Server, client and event loop have their part of the
cores, too.`,
  prepare,
  comparisons: imageComparisons,
  tables: imageTables,
  panels: imagePanels,
};

async function prepare(context) {
  const { load, options } = context;
  const made = await makeImageModels(context, Object.keys(modelTitles), photoBytes);
  const [{ bytes }] = made.images;
  const request = { body: bytes, headers: { 'Content-Type': 'image/jpeg' } };

  const decode = await startDecode(context, made);
  const sconce = await startSconce(
    context,
    made.models.map(({ name, archive }) => `${name}=${archive}`),
    [
      ...['--batch-size', String(batchSize), '--max-batch-delay', String(maxBatchDelay)],
      ...['--handler-threads', String(handlerThreads), '--intra-op-threads', String(threads)],
    ],
  );

  const served = [];
  const forwards = [];
  const skipped = [];
  for (const model of made.models) {
    served.push(await verified(sconceName(model.name), sconce, model, made.images));
    const theirs = await startTorchServeWith(context, {
      ...{ model: model.name, archive: model.archive, batchSize, maxBatchDelay, request },
      packages: ['torchvision'],
    });
    const name = torchServeName(model.name);
    if ('skipped' in theirs) skipped.push(`${name}: ${theirs.skipped}`);
    else served.push(await verified(name, theirs, model, made.images));
    const forward = await startAddonLoop(context, model.file, model.rows, threads);
    const alone = forwardName(model.name);
    checkAnswers(alone, forward.ready.predictions, model.predictions, scoreTolerance);
    forwards.push({ name: alone, loop: forward });
  }
  for (const contender of served) await warmUp(load, contender);

  const loaded = (contender, count) =>
    contender.server === sconce
      ? eventLoopStep(load, contender, count, options.duration)
      : loadStep(load, contender, count, options.duration);
  return {
    steps: [
      ...connections.flatMap((count) => served.map((contender) => loaded(contender, count))),
      aloneStep(decodeName, decode, 1, options.duration),
      ...forwards.map(({ name, loop }) => aloneStep(name, loop, batchSize, options.duration)),
    ],
    versions: {
      LibTorch: sconce.libtorch,
      sharp: packageVersion('sharp'),
      ...(skipped.length < made.models.length && torchServeVersions),
    },
    notes: notes(options, bytes),
    skipped,
  };
}

function notes({ device }, { length }) {
  return [
    `Models run on \`${device}\`; the photo has ${length} bytes; Sconce has ${handlerThreads} handler thread${handlerThreads === 1 ? '' : 's'}.`,
    'TorchServe has a Java heap of at most 256 MiB and `OMP_NUM_THREADS=1`.',
    `Probabilities agree with PyTorch's of images that Pillow has read to ${probabilityTolerance.toExponential()}, values of decoded images to ${tolerance}.`,
    'The delay of the event loop is what `/metrics` says of each measurement: by how much a timer of 20 ms comes late.',
  ];
}

async function startDecode(context, { images, models: [model] }) {
  const paths = images.map(({ path }) => path);
  const loop = await startDecodeLoop(context, handlerThreads, paths);
  const rows = model.requests.map((row) => row.filter((_, i) => i % sampledEvery === 0));
  checkAnswers(decodeName, loop.ready.predictions, rows, tolerance);
  return loop;
}

/** A server that answers each photo as PyTorch does, and the request that it is measured with. */
async function verified(name, server, model, images) {
  const url = `${server.url}/predictions/${model.name}`;
  const headers = { 'Content-Type': 'image/jpeg' };
  const requests = images.map(({ bytes }) => ({ body: bytes, headers }));
  const replies = await Promise.all(requests.map((each) => ask(url, each)));
  const { given, expected } = compareClasses(replies, model.predictions);
  checkAnswers(name, given, expected, probabilityTolerance);
  return { name, server, request: { url, ...requests[0] } };
}

import { availableParallelism } from 'node:os';
import { startBareLoops } from '../contenders/bare-loops.mjs';
import { makeImageModels } from '../contenders/image-models.mjs';
import { startPythonLoop } from '../contenders/python-loop.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { planOf, planSettings, preparationInWords } from '../contenders/sconce-plan.mjs';
import { torchServeVersions } from '../contenders/torchserve.mjs';
import { aloneStep } from '../lib/alone-step.mjs';
import { torchServeNote } from '../lib/alpha-torchserve.mjs';
import { checkAnswers } from '../lib/answers.mjs';
import {
  bareStep,
  bestOf,
  configurationInWords,
  preparations,
  sweepPlans,
  sweepTable,
} from '../lib/bare-steps.mjs';
import { attemptTable, bestConcurrency, bestPoint } from '../lib/best-concurrency.mjs';
import { withCpu } from '../lib/cpu-step.mjs';
import { eventLoopStep } from '../lib/event-loop-step.mjs';
import {
  bfloat16Tolerance,
  plainTorchServe,
  probabilityTolerance,
  rowTolerance,
  scoreTolerance,
  tunedTorchServe,
  verifiedDecode,
  verifiedJpeg,
  verifiedTensor,
} from '../lib/image-contenders.mjs';
import { steadyLoad } from '../lib/load-steady.mjs';
import { loadStep } from '../lib/load-step.mjs';
import { packageVersion } from '../lib/machine.mjs';
import { loadedMemoryStep } from '../lib/memory-step.mjs';
import {
  names,
  overload,
  resnetComparisons,
  resnetPanels,
  resnetTables,
} from '../lib/resnet18-figures.mjs';

const photoBytes = 100_000;
/** Most rows of a batch, for Sconce and for the loops. */
const largestBatch = 16;
/** Deviation from float32, relative to the largest score, that lets Sconce take bfloat16. */
const allowed = 0.05;
const batches = [1, 2, 4, 8, 16];
const connections = [1, 4, 8, 16, 32, 64];
const jpegConnections = [4, 16, 64];
/** TorchServe with the model that costs next to nothing: large batches share what is around them. */
const pooledTuning = { workers: availableParallelism(), batchSize: 32, maxBatchDelay: 10 };

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'resnet18',
  title: 'resnet18: images to a classifier, as JPEGs and as tensors',
  // Measurements take twice the seconds where few answers come in one.
  defaults: { repeat: 3, duration: 3 },
  about: `ResNet-18 with random weights, 224 × 224 pixels, on all cores. Everyone is measured as it is fastest;
what was tried for that stands below.

- **bare**: \`torch.jit.load\` and a loop in Python, without a server: one process on several threads,
  or a process for each core, batches of ${batches.join(', ')}; the module **plain**, as it was loaded;
  prepared by the **same plan** that Sconce has chosen; or the **best** of all ways.
- **Sconce tensor**: rows of float32 as they are (602,112 bytes), to the handler \`tensor\`, which
  answers with the 1000 scores in binary. **Sconce JPEG**: photos of 640 × 480 pixels and 100 KB to
  \`image_classifier\`. Default settings, batches of up to ${largestBatch}; Sconce measures at load how it
  runs the model best.
- **Sconce bfloat16**: JPEGs with \`tolerance=${allowed}\`, so that Sconce may compute in bfloat16 where
  that is faster. It is no part of the targets: everyone else computes in float32.
- **TorchServe JPEG**: the same archive with the handler of TorchServe; a worker for each core, one
  thread inside an operation. Its Python, which \`SCONCE_PYTHON\` names, needs a torchvision that can be
  imported; of that only the transforms are used.
- **pooled**: average pooling and one layer instead of ResNet-18, which cost next to nothing: what is
  left is the image, and the server around it. TorchServe has a worker
  for each core and batches of up to ${pooledTuning.batchSize} here.
- **decode**: photos decoded, resized and normalised on one thread as Sconce does it, without server
  and model.

The **bound** of JPEGs is what all cores could do with the CPU time that an image takes to be decoded,
and to run in the bare loop with the same plan.`,
  prepare,
  comparisons: resnetComparisons,
  tables: resnetTables,
  panels: resnetPanels,
};

async function prepare(context) {
  const { children, options } = context;
  const { duration, quick } = options;
  const load = steadyLoad(children);
  const made = await makeImageModels(context, ['resnet18', 'pooled'], photoBytes);
  const { images } = made;
  const [resnet, pooled] = made.models;
  const short = Math.min(2, duration);
  const { servers, plan, findings, planNotes } = await startSconces(context, made);
  const tensor = await verifiedTensor(names.tensor, servers.tensor, resnet);
  const ours = (name, server, ...more) => verifiedJpeg(name, server, images, resnet, ...more);
  const jpeg = await ours(names.jpeg, servers.jpeg);
  const tolerant = await ours(names.bfloat16, servers.tolerant, bfloat16Tolerance);
  const pooledContenders = [await verifiedJpeg(names.pooled, servers.jpeg, images, pooled)];
  const decode = await verifiedDecode(names.decode, context, images, resnet);
  const bare = await startBare(context, resnet, plan);
  const tensorBest = await bestConcurrency(load, tensor, quick ? [4] : connections, short);
  const given = { images, connections: quick ? [16] : jpegConnections, seconds: short };
  const jpegBest = await bestConcurrency(load, jpeg, given.connections, short);
  const theirs = await startTheirs(context, load, { ...given, model: resnet });
  if (theirs.contenders.length > 0) {
    const other = { images, model: pooled };
    pooledContenders.push(
      await plainTorchServe(names.torchServePooled, context, pooledTuning, other),
    );
  }

  const perCore = await ours(
    names.perCore,
    await startPerCore(context, resnet, theirs.batchSize ?? largestBatch),
  );

  const long = 2 * duration;
  const atBest = (step, { server }) => ({ ...withCpu(step, server), point: bestPoint });
  const served = [tensor, jpeg, ...theirs.contenders];
  return {
    steps: [
      bareStep(names.plain, bare.loops, bare.plain, long),
      atBest(eventLoopStep(load, tensor, tensorBest.connections, long), tensor),
      bareStep(names.same, bare.loops, bare.same, long),
      ...(bare.best === bare.same ? [] : [bareStep(names.best, bare.loops, bare.best, long)]),
      ...theirs.contenders.map((one) => atBest(loadStep(load, one, theirs.connections, long), one)),
      atBest(eventLoopStep(load, jpeg, jpegBest.connections, long), jpeg),
      atBest(loadStep(load, tolerant, jpegBest.connections, long), tolerant),
      aloneStep(names.decode, decode, duration),
      ...served.map((one) => loadStep(load, one, 1, duration)),
      ...[tensor, jpeg].map((one) => eventLoopStep(load, one, overload, long)),
      ...pooledContenders.map((one) => loadStep(load, one, overload, duration)),
      ...[perCore, ...theirs.contenders].map((one) => loadedMemoryStep(load, one, overload, short)),
    ],
    versions: {
      LibTorch: servers.tensor.libtorch,
      sharp: packageVersion('sharp'),
      "Python's torch": bare.loops.version,
      ...(theirs.contenders.length > 0 && torchServeVersions),
    },
    notes: [
      `Models run on \`${options.device}\`. Tensors are measured with ${tensorBest.connections} connections, JPEGs with ${jpegBest.connections}.`,
      ...planNotes,
      `The bare loops: plain: ${configurationInWords(bare.plain)}; same plan: ${configurationInWords(bare.same)}; best: ${configurationInWords(bare.best)}.`,
      ...theirs.notes,
      `Scores agree with PyTorch's to ${scoreTolerance.toExponential()}, probabilities of photos with those of images that Pillow has read to ${probabilityTolerance.toExponential()}, values of decoded images to ${rowTolerance}; the photo has ${images[0].bytes.length} bytes.`,
      'Memory is the proportional set size after load, of as many instances as TorchServe has workers and with batches of the same size: pages that processes share are counted once.',
    ],
    load,
    findings: [
      ...findings,
      { title: 'What bare loops do, in images per second', text: sweepTable(bare.swept) },
      {
        title: 'Tried for the best concurrency, in images per second',
        text: attemptTable({
          [names.tensor]: tensorBest.tried,
          [names.jpeg]: jpegBest.tried,
          ...theirs.attempts,
        }),
      },
    ],
    skipped: theirs.skipped,
  };
}

/** Each in a process of its own, so that figures of the event loop and of memory are its own. */
async function startSconces(context, { models }) {
  const [resnet] = models;
  const settings = ['--batch-size', String(largestBatch), ...planSettings(context)];
  const start = (entries, more = []) => startSconce(context, entries, [...settings, ...more]);
  const jpegEntry = ({ name, archive }) => `${name}=${archive}`;
  const servers = {
    tensor: await start([`${resnet.name}=${resnet.tensorArchive}`]),
    jpeg: await start(models.map(jpegEntry)),
    tolerant: await start([jpegEntry(resnet)], ['--tolerance', String(allowed)]),
  };
  const [usual, reduced] = await Promise.all(
    [servers.tensor, servers.tolerant].map((server) => planOf(server, resnet.name)),
  );
  console.log(`  Sconce runs it ${usual.inWords}; with more tolerance ${reduced.inWords}`);
  return {
    servers,
    plan: usual.plan,
    planNotes: [
      `Sconce runs ResNet-18 ${usual.inWords}; with \`tolerance=${allowed}\` ${reduced.inWords}.`,
    ],
    findings: [
      { title: 'What Sconce has tried', text: usual.text },
      { title: 'The same where bfloat16 is allowed', text: reduced.text },
    ],
  };
}

/** As many instances as TorchServe has workers, and batches as large as its. */
function startPerCore(context, { name, archive }, batchSize) {
  return startSconce(
    context,
    [`${name}=${archive}`],
    [
      ...['--instances', String(availableParallelism()), '--batch-size', String(batchSize)],
      ...planSettings(context),
    ],
  );
}

/** Bare loops whose answers are right, and the configurations that are measured. */
async function startBare(context, { file, rows, predictions }, chosen) {
  const { quick } = context.options;
  const loops = await startBareLoops(() => startPythonLoop(context, file, rows));
  const plans = preparations(true);
  for (const plan of plans) {
    const name = `bare, ${preparationInWords(plan)}`;
    checkAnswers(name, await loops.predict(plan), predictions, scoreTolerance);
  }
  const swept = await sweepPlans(loops, plans, quick ? [4] : batches, quick ? 0.2 : 0.5);
  return { loops, swept, ...bestOf(swept, chosen) };
}

/** TorchServe as it is fastest, or nothing and the reason. */
async function startTheirs(context, load, given) {
  const theirs = await tunedTorchServe(names.torchServe, context, load, given);
  if ('skipped' in theirs) {
    const skipped = [`${names.torchServe}: ${theirs.skipped}`];
    return { contenders: [], notes: [], attempts: {}, skipped };
  }
  const { contender, tuning, settings, look, tried } = theirs;
  return {
    contenders: [contender],
    connections: look.connections,
    batchSize: settings.batchSize,
    attempts: Object.fromEntries(tried.map((one) => [`TorchServe, ${one.tuning}`, one.look.tried])),
    notes: [
      `TorchServe is fastest with ${tuning} and ${look.connections} connections.`,
      torchServeNote,
    ],
    skipped: [],
  };
}

import { SetupError } from '../../lib/setup-error.mjs';
import { startAddonLoop } from '../contenders/addon-loop.mjs';
import { makeResnetRows } from '../contenders/resnet-rows.mjs';
import { checkAnswers } from '../lib/answers.mjs';
import { Attempts } from '../lib/attempts.mjs';
import { bestPoint } from '../lib/best-concurrency.mjs';
import { withCpu } from '../lib/cpu-step.mjs';
import {
  cudaResnetComparisons,
  cudaResnetPanels,
  cudaResnetTables,
  kinds,
} from '../lib/cuda-resnet18-figures.mjs';
import { deviceNote, isGpu, withDevice } from '../lib/device-figures.mjs';
import { graphsNote } from '../lib/graphs-note.mjs';
import { bestLoopStep } from '../lib/lanes-steps.mjs';
import { loadStep } from '../lib/load-step.mjs';
import {
  httpThreads,
  kindFindings,
  kindNotes,
  largestBatch,
  startKind,
  tolerance,
} from '../lib/resnet-kind.mjs';
import { weightsStep } from '../lib/weights-step.mjs';

/** Slabs that are under way in the addon's loop, for each instance. */
const slabs = 4;
/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'cuda-resnet18',
  device: 'cuda',
  title: 'cuda-resnet18: images to a classifier on a GPU',
  defaults: { repeat: 2, duration: 2 },
  about: `ResNet-18 with random weights, 224 × 224 pixels. **pixels**: a row is an image in bytes (150,528), which the
model normalises; **float32**: a row is an image in normalised numbers (602,112 bytes). Everyone is
measured with the batches that it is fastest with; what was tried for that stands below.

- **bare**: \`torch.jit.load\` and a loop in Python without a server, the module prepared by the same plan
  that Sconce has chosen (**plain**: as it was loaded). Each batch is copied to the device from
  page-locked memory, run, and its scores are copied back; several streams let the copies of one batch
  run beside another's forward. **without copies**: the same rows again and again, which are on the
  device already, and scores that stay there.
- **addon**: batches through Sconce's addon without HTTP, by the same plan and with the same batches;
  slabs are filled once. One instance, or **2 instances**.
- **Sconce**: the handler \`tensor\` over HTTP, raw rows in and raw scores out, with its default settings
  and batches of up to ${largestBatch}, or with ${httpThreads} HTTP threads where that is faster.

Convolutions may round to TensorFloat-32 for everybody, which is PyTorch's default; other products only
where a plan says so. Shares of the time are by events on the GPU's streams. One instance runs one batch
after the other, so that a sum above 1 is copies beside forward.`,
  prepare,
  comparisons: cudaResnetComparisons,
  tables: cudaResnetTables,
  panels: cudaResnetPanels,
};

async function prepare(context) {
  const { options } = context;
  const { device } = options;
  const models = await makeResnetRows(context);
  const attempts = new Attempts();
  const served = [];
  for (const kind of kinds) {
    const one = await attempts.of(kind, () => startKind(context, attempts, kind, models[kind]));
    if (one !== undefined) served.push(one);
  }
  if (served.length === 0) throw new SetupError(attempts.failed.join('\n'));
  const loops = await startAddonLoops(context, attempts, served);
  const ofPixels = loops.filter(({ kind }) => kind === kinds[0]);
  const [first] = served;
  const { skipped, version } = first.bare;
  return {
    steps: [
      ...served.flatMap((one) => stepsOf(context, one, loops)),
      ...served.map(({ server }) => loadStep(context.load, server.contender, 1, options.duration)),
      ...(isGpu(device) ? ofPixels.map(({ name, loop }) => weightsStep(name, loop)) : []),
    ],
    versions: {
      LibTorch: first.server.contender.server.libtorch,
      ...(version !== undefined && { "Python's torch": version }),
    },
    notes: [
      deviceNote(device),
      ...served.flatMap(kindNotes),
      ...loops.flatMap(({ name, loop, plan, rows }) => [
        `${name}: batches of ${rows}, ${slabs} slabs for each instance.`,
        ...(plan.graphs ? [graphsNote(name, loop.ready.captured)] : []),
      ]),
      `Scores, whose standard deviation is 3, agree with those of PyTorch on the CPU to ${tolerance}.`,
    ],
    findings: served.flatMap(kindFindings),
    skipped: skipped === undefined ? [] : [`the loop in Python: ${skipped}`],
    failed: attempts.failed,
  };
}

/** All that is measured of one kind of rows, side by side. */
function stepsOf({ load, options }, { kind, names, server, bare }, loops) {
  const { device, duration } = options;
  const { contender, connections } = server;
  const loaded = withCpu(loadStep(load, contender, connections, duration), contender.server);
  return [
    ...Object.entries(bare.chosen).map(([which, configuration]) =>
      bestLoopStep(names[which], bare.loop, configuration, duration),
    ),
    { ...withDevice(loaded, contender.server, device), point: bestPoint },
    ...loops
      .filter((one) => one.kind === kind)
      .map(({ name, loop, rows }) => bestLoopStep(name, loop, { rows }, duration)),
  ];
}

/** The addon's loops by the plans of the servers, whose answers are right. */
async function startAddonLoops(context, attempts, served) {
  const wanted = served.flatMap((one) => [
    { ...one, name: one.names.addon, instances: 1 },
    ...(one.kind === kinds[0] ? [{ ...one, name: one.names.twoInstances, instances: 2 }] : []),
  ]);
  const start = async ({ kind, name, model, server, bare, instances }) => {
    const { plan } = server.plan;
    const rows = bare.chosen.bare?.rows ?? largestBatch;
    const loop = await startAddonLoop(context, {
      ...{ path: model.path, rows: model.rows, plan, graphRows: [rows] },
      ...{ instances, slabs: slabs * instances, refill: false },
    });
    checkAnswers(name, loop.ready.predictions, model.predictions, tolerance);
    return { kind, name, loop, rows, plan };
  };
  const loops = await Promise.all(wanted.map((one) => attempts.of(one.name, () => start(one))));
  return loops.filter((loop) => loop !== undefined);
}

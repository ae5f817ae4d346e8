import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startAddonLoop } from '../contenders/addon-loop.mjs';
import { startLanesLoop } from '../contenders/lanes-loop.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { planOf, planSettings } from '../contenders/sconce-plan.mjs';
import { alpha, binaryAnswer, binaryRequest } from '../lib/alpha-model.mjs';
import { ask, checkAnswers } from '../lib/answers.mjs';
import { Attempts } from '../lib/attempts.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import {
  batchRows,
  connections,
  cudaLaunchComparisons,
  cudaLaunchPanels,
  cudaLaunchTables,
  names,
} from '../lib/cuda-launch-figures.mjs';
import { deviceNote, withDevice } from '../lib/device-figures.mjs';
import { graphsNote } from '../lib/graphs-note.mjs';
import { loadStep, warmUp } from '../lib/load-step.mjs';
import { loopStep } from '../lib/loop-step.mjs';
import { runPython } from '../lib/python-script.mjs';

const model = 'layers';
const largestBatch = 32;
/** Of answers of another device, whose products are summed in another order. */
const tolerance = 1e-4;
const eager = { freeze: true };
const captured = { freeze: true, graphs: true };

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'cuda-launch',
  device: 'cuda',
  title: 'cuda-launch: a model of many small operations on a GPU',
  about: `32 layers of norm, product, activation and sum, 64 wide: each operation takes the GPU less time than it
takes to start. **alpha** is the network of \`${alpha.folder}\`, with three layers. Rows are float32, and the
loops run the frozen module.

- **bare**: \`torch.jit.load\` in Python: a batch is copied to the device from page-locked memory, run and
  copied back, and then the next one; **graphs**: forward is captured as a CUDA graph, and replayed.
- **addon**: the same through Sconce's addon without HTTP: rows are copied into a slab, run by the
  instance's thread and awaited, one batch after the other.
- **Sconce**: the server with its default settings, batches of up to ${largestBatch}, raw float32 both ways;
  **without graphs** with \`cudaGraphs: never\`.`,
  prepare,
  comparisons: cudaLaunchComparisons,
  tables: cudaLaunchTables,
  panels: cudaLaunchPanels,
  defaults: { repeat: 3, duration: 1 },
};

async function prepare(context) {
  const { load, options, folder } = context;
  const { duration, device } = options;
  const attempts = new Attempts();
  const layers = await makeLayers(folder);
  const small = { path: alpha.modelFile, rows: alpha.expectedFile };
  const loops = await startLoops(context, attempts, layers, layerNames);
  const alphaLoops = await startLoops(context, attempts, small, alphaNames);

  const archive = await writeLayersArchive(folder, layers.path);
  const servers = [];
  for (const [name, cudaGraphs] of [
    [names.sconce, 'never'],
    [names.sconceGraphs, 'auto'],
  ]) {
    const expected = readRows(layers.rows);
    const start = () => startLayers(context, archive, name, cudaGraphs, expected);
    const started = await attempts.of(name, start);
    if (started !== undefined) servers.push(started);
  }
  for (const { contender } of servers) await warmUp(load, contender);

  const atRows = ({ name, run, question }, rows) =>
    loopStep(name, { run }, question, rows, duration);
  return {
    steps: [
      ...batchRows.flatMap((rows) => loops.all.map((loop) => atRows(loop, rows))),
      ...alphaLoops.all.map((loop) => atRows(loop, 1)),
      ...connections.flatMap((count) =>
        servers.map(({ contender }) =>
          withDevice(loadStep(load, contender, count, duration), contender.server, device),
        ),
      ),
    ],
    versions: {
      ...(servers.length > 0 && { LibTorch: servers[0].contender.server.libtorch }),
      ...loops.versions,
    },
    notes: [
      deviceNote(device),
      ...servers.map(({ contender, plan }) => `${contender.name} runs it ${plan.inWords}.`),
      ...[loops, alphaLoops].flatMap(({ notes }) => notes),
      `Answers agree with those of PyTorch on the CPU to ${tolerance.toExponential()}.`,
    ],
    findings: servers.map(({ contender, plan }) => ({
      ...{ title: `What was tried: ${contender.name}`, text: plan.text },
    })),
    skipped: [...new Set([...loops.skipped, ...alphaLoops.skipped])],
    failed: attempts.failed,
  };
}

const layerNames = {
  ...{ bare: names.bare, bareGraphs: names.bareGraphs },
  ...{ addon: names.addon, addonGraphs: names.addonGraphs },
};
const alphaNames = {
  ...{ bare: names.alphaBare, bareGraphs: names.alphaBareGraphs },
  ...{ addon: names.alphaAddon, addonGraphs: names.alphaAddonGraphs },
};

async function makeLayers(folder) {
  const [path, rows] = [join(folder, `${model}.pt`), join(folder, `${model}.json`)];
  await runPython('layers_model.py', [path, rows], ['torch']);
  return { path, rows };
}

const readRows = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** The loops of one model, whose answers are right: in Python where there is one, and in the addon. */
async function startLoops(context, attempts, { path, rows }, named) {
  const { predictions } = readRows(resolve(root, rows));
  const verify = (name, given) => checkAnswers(name, given, predictions, tolerance);
  const python = await startLanesLoop(context, path, rows);
  const hasPython = !('skipped' in python);
  const bare = (name, plan) =>
    attempts.of(name, async () => {
      verify(name, (await python.ask({ plan, predict: true })).predictions);
      return { name, run: python.run, question: { plan } };
    });
  const inAddon = (name, plan) =>
    attempts.of(name, async () => {
      const loop = await startAddonLoop(context, { path, rows, plan, graphRows: batchRows });
      verify(name, loop.ready.predictions);
      const note = plan.graphs ? [graphsNote(name, loop.ready.captured)] : [];
      return { name, run: loop.run, question: {}, note };
    });
  const all = [
    ...(hasPython ? [await bare(named.bare, eager), await bare(named.bareGraphs, captured)] : []),
    ...(await Promise.all([inAddon(named.addon, eager), inAddon(named.addonGraphs, captured)])),
  ].filter((one) => one !== undefined);
  return {
    all,
    versions: hasPython ? { "Python's torch": python.ready.version } : {},
    notes: all.flatMap(({ note = [] }) => note),
    skipped: hasPython ? [] : [`the loop in Python: ${python.skipped}`],
  };
}

function writeLayersArchive(folder, serializedFile) {
  const configFile = join(folder, `${model}.yaml`);
  writeFileSync(configFile, 'inputs: [{ name: values, dtype: float32, shape: [64] }]\n');
  return writeBenchArchive({
    ...{ modelName: model, version: '1.0', serializedFile, configFile, handler: 'tensor' },
    ...{ archiveFormat: 'zip-store', exportPath: folder },
  });
}

/** A server whose answers are right, and how it runs the model. */
async function startLayers(context, archive, name, cudaGraphs, { requests, predictions }) {
  const server = await startSconce(
    context,
    [`${model}=${archive}`],
    [
      ...['--batch-size', String(largestBatch), '--cuda-graphs', cudaGraphs],
      ...planSettings({ folder: join(context.folder, cudaGraphs) }),
    ],
  );
  const url = `${server.url}/predictions/${model}`;
  const replies = await Promise.all(requests.map((row) => ask(url, binaryRequest(row))));
  checkAnswers(name, replies.map(binaryAnswer), predictions, tolerance);
  const plan = await planOf(server, model);
  console.log(`  ${name} runs it ${plan.inWords}`);
  return {
    contender: { name, server, request: { url, ...binaryRequest(requests[0]) } },
    plan,
  };
}

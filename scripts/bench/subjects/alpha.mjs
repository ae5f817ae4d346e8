import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { startAddonLoop } from '../contenders/addon-loop.mjs';
import { startEcho } from '../contenders/echo.mjs';
import { startPythonLoop } from '../contenders/python-loop.mjs';
import { sconceArguments, sconceProgram, startSconce } from '../contenders/sconce.mjs';
import { torchServeVersions } from '../contenders/torchserve.mjs';
import {
  alphaComparisons,
  alphaPanels,
  alphaTables,
  batchRows,
  connections,
  names,
} from '../lib/alpha-figures.mjs';
import {
  alpha,
  binaryAnswer,
  binaryRequest,
  documentedBatches,
  jsonRequest,
  readExpected,
  sconceBatchFlags,
  verifyAlpha,
  writePythonArchive,
} from '../lib/alpha-model.mjs';
import { startAlphaTorchServes } from '../lib/alpha-torchserve.mjs';
import { ask, checkAnswers, checkSame } from '../lib/answers.mjs';
import { eventLoopStep } from '../lib/event-loop-step.mjs';
import { loadStep, warmUp } from '../lib/load-step.mjs';
import { loopStep } from '../lib/loop-step.mjs';
import { packageVersion } from '../lib/machine.mjs';
import { freePort, startStep, timeToFirstAnswer } from '../lib/start-step.mjs';

const quickConnections = [1, 64];
const quickRows = [1, 32];
const { batchSize, maxBatchDelay } = documentedBatches;

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'alpha',
  title: 'alpha: a small network (64-256-256-1), one row per request',
  about: `The model of \`${alpha.folder}\`; what is measured is the server around it.

- **echo**: a bare Fastify server that reads the same JSON body as a buffer and sends the same
  reply, without a model: the ceiling of one event loop.
- **Sconce JSON**, **Sconce binary**: Sconce in its own process with its default settings and
  \`batch_size=${batchSize}\`, \`max_batch_delay=${maxBatchDelay}\`; rows as JSON, or as raw float32 both ways.
- **TorchServe**: an archive of the same model with a handler in Python of about 30 lines, 1 worker,
  \`batch_size=${batchSize}\`, \`max_batch_delay=${maxBatchDelay}\`. It waits until a batch is full or the delay is over: with fewer
  than ${batchSize} connections every answer takes at least those ${maxBatchDelay} ms; Sconce runs what is there. **TorchServe
  tuned**: a worker for each core, and the fastest of several batch sizes with short delays at c=64;
  the notes say which. **TorchServe defaults**: nothing is set, so a worker for each core and no batches.
- **Python**: \`torch.jit.load\` and a loop in inference mode on 1 thread, the module frozen and as it
  is loaded. **addon**: the same batches through Sconce's addon without HTTP, 1 thread, frozen: rows
  are copied into a slab, committed, run by the instance's thread and awaited.
- **From start to first answer**: from the start of the process until a prediction is answered with
  200. **Sconce** measures how to run the model, **Sconce again** finds the plan of an earlier start.
  TorchServe's \`java\` is started directly, without the Python of its command.`,
  prepare,
  comparisons: alphaComparisons,
  tables: alphaTables,
  panels: alphaPanels,
  defaults: { repeat: 5, duration: 2 },
};

async function prepare(context) {
  const { load, options } = context;
  const expected = readExpected();
  const request = jsonRequest(expected.requests[0]);

  const sconce = await startSconce(context, [`${alpha.name}=${alpha.folder}`], sconceBatchFlags);
  const url = `${sconce.url}/predictions/${alpha.name}`;
  const { tolerance } = alpha;
  await verifyAlpha(names.json, url, expected, { tolerance });
  const binary = { tolerance, request: binaryRequest, answer: binaryAnswer };
  await verifyAlpha(names.binary, url, expected, binary);

  const reply = await ask(url, request);
  const echo = await startEcho(context, reply);
  checkSame(names.echo, await ask(echo.url, request), reply);

  const contenders = [
    { name: names.echo, server: echo, request: { url: echo.url, ...request } },
    { name: names.json, server: sconce, request: { url, ...request } },
    {
      name: names.binary,
      server: sconce,
      request: { url, ...binaryRequest(expected.requests[0]) },
    },
  ];
  for (const contender of contenders) await warmUp(load, contender);

  const archive = await writePythonArchive(context.folder);
  const theirs = await startAlphaTorchServes(context, archive, expected);
  contenders.push(...theirs.contenders);

  const loaded = (contender, count) =>
    contender.server === sconce
      ? eventLoopStep(load, contender, count, options.duration)
      : loadStep(load, contender, count, options.duration);
  const loops = await startLoops(context, expected);
  return {
    steps: [
      ...(options.quick ? quickConnections : connections).flatMap((count) =>
        contenders.map((contender) => loaded(contender, count)),
      ),
      ...sconceStarts(context, request),
      ...theirs.starts,
      ...loops.steps,
    ],
    versions: {
      LibTorch: sconce.libtorch,
      Fastify: packageVersion('fastify'),
      ...(theirs.contenders.length > 0 && torchServeVersions),
      ...loops.versions,
    },
    notes: [
      `The model runs on \`${options.device}\`.`,
      ...theirs.notes,
      `Answers agree with \`${alpha.expectedFile}\` to ${tolerance.toExponential()}, TorchServe's to ${alpha.looseTolerance.toExponential()}; the echo's are Sconce's, byte for byte.`,
    ],
    skipped: [...theirs.skipped, ...loops.skipped],
  };
}

/** What a start has measured of a model is kept for the next one. */
function sconceStarts({ children, options, folder }, request) {
  const newFolder = () => mkdtempSync(join(folder, 'plans-'));
  const kept = newFolder();
  const start = async (planCache) => {
    const port = await freePort();
    const models = [`${alpha.name}=${alpha.folder}`];
    const settings = [...sconceBatchFlags, '--plan-cache', planCache];
    const program = {
      command: sconceProgram,
      args: sconceArguments(options, models, settings, port),
      options: { cwd: root },
    };
    const url = `http://127.0.0.1:${port}/predictions/${alpha.name}`;
    return timeToFirstAnswer(children, program, url, request);
  };
  return [
    startStep(names.cold, 1, () => start(newFolder())),
    startStep(names.warm, 1, () => start(kept)),
  ];
}

async function startLoops(context, { predictions }) {
  const { options } = context;
  const seconds = Math.min(1, options.duration);
  const verify = (name, loop) =>
    checkAnswers(name, loop.ready.predictions, predictions, alpha.tolerance);
  const model = { path: alpha.modelFile, rows: alpha.expectedFile };
  const addon = await startAddonLoop(context, model);
  verify(names.addon, addon);
  const python = await startPythonLoop(context, alpha.modelFile, alpha.expectedFile);
  const hasPython = !('skipped' in python);
  if (hasPython) verify('Python', python);
  const steps = (options.quick ? quickRows : batchRows).flatMap((rows) => [
    ...(hasPython
      ? [
          loopStep(names.frozen, python, { variant: 'frozen' }, rows, seconds),
          loopStep(names.plain, python, { variant: 'plain' }, rows, seconds),
        ]
      : []),
    loopStep(names.addon, addon, {}, rows, seconds),
  ]);
  return {
    steps,
    versions: hasPython ? { "Python's torch": python.ready.version } : {},
    skipped: hasPython ? [] : [`the loop in Python: ${python.skipped}`],
  };
}

import { availableParallelism } from 'node:os';
import { startLanesLoop } from '../contenders/lanes-loop.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { planOf, planSettings, preparationInWords } from '../contenders/sconce-plan.mjs';
import { checkAnswers } from './answers.mjs';
import { attemptTable, bestConcurrency } from './best-concurrency.mjs';
import { namesOf } from './cuda-resnet18-figures.mjs';
import { isGpu } from './device-figures.mjs';
import { verifiedTensor } from './image-contenders.mjs';
import { fastest, lanesInWords, lanesTable, sweepLanes } from './lanes-steps.mjs';

/** Sizes for a GPU; and for the CPU, on which only a trial of the subject itself makes sense. */
const sizes = {
  gpu: { batches: [1, 8, 32, 64], connections: [64, 128, 256] },
  cpu: { batches: [1, 4], connections: [8] },
};
export const largestBatch = sizes.gpu.batches.at(-1);

/** Threads that read requests, beside the default, where there are cores for them. */
export const httpThreads = 4;
const coresForThreads = 8;

/** Of scores whose standard deviation is 3. */
export const tolerance = 0.05;
const plain = {};
const noLoops = { swept: [], chosen: {} };

/**
 * ResNet-18 for one kind of rows: a server that answers right, as it is fastest, and bare loops.
 *
 * @typedef {object} ServedKind
 * @property {string} kind
 * @property {import('../contenders/resnet-rows.mjs').ResnetRows} model
 * @property {ReturnType<typeof namesOf>} names
 * @property {Awaited<ReturnType<typeof startTuned>>} server
 * @property {Awaited<ReturnType<typeof startBare>>} bare
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {import('./attempts.mjs').Attempts} attempts
 * @param {string} kind
 * @param {import('../contenders/resnet-rows.mjs').ResnetRows} model
 * @returns {Promise<ServedKind>}
 */
export async function startKind(context, attempts, kind, model) {
  const names = namesOf(kind);
  const server = await startTuned(context, names.sconce, model);
  const start = () => startBare(context, names, model, server.plan.plan);
  const bare = (await attempts.of(names.bare, start)) ?? noLoops;
  return { kind, model, names, server, bare };
}

/** The faster of servers with few and with more HTTP threads, and the connections that it needs. */
async function startTuned(context, name, model) {
  const { options, load } = context;
  const { batches, connections } = isGpu(options.device) ? sizes.gpu : sizes.cpu;
  const settings = ['--batch-size', String(batches.at(-1)), ...planSettings(context)];
  const threads = availableParallelism() < coresForThreads ? [1] : [1, httpThreads];
  const counts = options.quick ? connections.slice(0, 1) : connections;
  const attempts = {};
  let best;
  for (const count of threads) {
    const more = count === 1 ? [] : ['--http-threads', String(count)];
    const server = await startSconce(
      context,
      [`${model.name}=${model.archive}`],
      [...settings, ...more],
    );
    const contender = await verifiedTensor(name, server, model, tolerance);
    const found = await bestConcurrency(load, contender, counts, 1);
    attempts[`${name}, ${count} HTTP thread${count === 1 ? '' : 's'}`] = found.tried;
    const tried = { contender, threads: count, ...found };
    const loser = best === undefined || tried.throughput > best.throughput ? best : tried;
    if (loser !== undefined) await loser.contender.server.close();
    if (loser !== tried) best = tried;
  }
  const plan = await planOf(best.contender.server, model.name);
  console.log(`  ${name} runs it ${plan.inWords}`);
  return { ...best, attempts, plan };
}

/** Loops whose answers are right; what was tried, and the fastest that are measured. */
async function startBare(context, names, model, plan) {
  const { device, quick } = context.options;
  const loop = await startLanesLoop(context, model.path, model.rows);
  if ('skipped' in loop) return { skipped: loop.skipped, ...noLoops };
  const isPlain = preparationInWords(plan) === preparationInWords(plain);
  const plans = isPlain ? [plain] : [plain, plan];
  for (const each of plans) {
    const { predictions } = await loop.ask({ plan: each, predict: true });
    const name = `${names.bare}, ${preparationInWords(each)}`;
    checkAnswers(name, predictions, model.predictions, tolerance);
  }
  const { batches } = isGpu(device) ? sizes.gpu : sizes.cpu;
  const swept = await sweepLanes(loop, plans, quick ? batches.slice(-1) : batches, 0.3);
  const chosen = {
    plain: fastest(swept, plain, true),
    bare: fastest(swept, plan, true),
    noCopies: fastest(swept, plan, false),
  };
  return { loop, swept, chosen, version: loop.ready.version };
}

/** @param {ServedKind} served */
export function kindNotes({ names, server, bare }) {
  const { plan, threads, connections } = server;
  const chosen = Object.entries(bare.chosen).map(
    ([which, configuration]) => `${names[which]}: ${lanesInWords(configuration)}`,
  );
  const where = threads === 1 ? 'without further HTTP threads' : `with ${threads} HTTP threads`;
  return [
    `${names.sconce} runs it ${plan.inWords}, ${where}; it is measured with ${connections} connections.`,
    ...(chosen.length > 0 ? [`${chosen.join('; ')}.`] : []),
  ];
}

/** @param {ServedKind} served */
export function kindFindings({ kind, server, bare }) {
  return [
    { title: `${kind}: what Sconce has tried`, text: server.plan.text },
    ...(bare.swept.length > 0
      ? [
          {
            title: `${kind}: what bare loops do, in images per second`,
            text: lanesTable(bare.swept),
          },
        ]
      : []),
    {
      title: `${kind}: tried for the best concurrency, in images per second`,
      text: attemptTable(server.attempts),
    },
  ];
}

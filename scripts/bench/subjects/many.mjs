import { freemem } from 'node:os';
import { SetupError } from '../../lib/setup-error.mjs';
import { startSconce } from '../contenders/sconce.mjs';
import { startTorchServeWith, torchServeVersions } from '../contenders/torchserve.mjs';
import { alpha, jsonRequest, readExpected, sconceBatchFlags } from '../lib/alpha-model.mjs';
import { torchServeNote } from '../lib/alpha-torchserve.mjs';
import { buildGenerator, generatorNote, invalidReason } from '../lib/generator.mjs';
import {
  manyComparisons,
  manyPanels,
  manyTables,
  modelCount,
  names,
  points,
} from '../lib/many-figures.mjs';
import { makeModels, pythonArchives, tensorArchives, verifyModels } from '../lib/many-models.mjs';
import { significant, whole } from '../lib/markdown.mjs';
import { memoryStep } from '../lib/memory-step.mjs';
import { memoryNote } from '../lib/server-figures.mjs';

const connections = 64;
/** In the measurement of shares, for each model. */
const connectionsOfModel = 4;
/** A worker of TorchServe: Python with PyTorch. */
const workerBytes = 300 * 2 ** 20;

/** @type {import('../lib/subject.mjs').Subject} */
export const subject = {
  name: 'many',
  title: 'many: twenty models at once',
  about: `${modelCount} models of the shape of \`${alpha.folder}\`, each with weights of its own, in one server; one row as JSON
in each request.

- **even**: ${connections} connections, each request goes to any model. **Zipf**: the same, the second model
  has half of the first's requests, the third a third, and so on. **own connections**: every model has
  ${connectionsOfModel} connections that ask nobody else; what share each model gets then is for the server to say.
- **Sconce, 1 model**: the same load, all of it for one model. Default settings, and batches as in
  the section alpha.
- **TorchServe**: 1 worker for each model, no batches: with a few connections for each model there is
  nothing to wait for.`,
  prepare,
  comparisons: manyComparisons,
  tables: manyTables,
  panels: manyPanels,
  defaults: { repeat: 3, duration: 3 },
};

async function prepare(context) {
  const { folder, options } = context;
  const generator = await buildGenerator(context);
  if ('skipped' in generator) throw new SetupError(generator.skipped);
  const [row] = readExpected().requests;
  const models = await makeModels(folder, modelCount);
  const archives = await tensorArchives(folder, models);
  const verified = async (name, server, served) => ({
    ...{ name, server },
    requests: await verifyModels(name, server.url, served, row),
  });

  const one = await startSconce(context, archives.slice(0, 1), sconceBatchFlags);
  const many = await startSconce(context, archives, sconceBatchFlags);
  const contenders = [
    await verified(names.one, one, models.slice(0, 1)),
    await verified(names.many, many, models),
  ];
  const theirs = await startTheirs(context, models, jsonRequest(row));
  const hasTorchServe = !('skipped' in theirs);
  if (hasTorchServe) contenders.push(await verified(names.torchServe, theirs, models));

  const steps = loadSteps(generator, options.duration);
  for (const contender of contenders) await steps.warmUp(contender);
  const several = contenders.filter(({ requests }) => requests.length > 1);
  return {
    steps: [
      ...contenders.map(steps.even),
      ...several.map(steps.zipf),
      ...several.map(steps.bound),
      ...contenders.map(memoryStep),
    ],
    versions: { LibTorch: many.libtorch, ...(hasTorchServe && torchServeVersions) },
    notes: [
      `Models run on \`${options.device}\`.`,
      generatorNote,
      ...(hasTorchServe ? [torchServeNote] : []),
      `Every model answers with its own weights, as PyTorch does, to ${alpha.looseTolerance.toExponential()}.`,
      memoryNote,
    ],
    skipped: hasTorchServe ? [] : [`${names.torchServe}: ${theirs.skipped}`],
  };
}

async function startTheirs(context, models, request) {
  if (context.options.quick) return { skipped: 'a quick run does not wait for so many workers' };
  const needed = models.length * workerBytes;
  if (freemem() < needed) {
    return { skipped: `its workers need about ${Math.round(needed / 2 ** 30)} GiB of free memory` };
  }
  const archives = await pythonArchives(context.folder, models);
  return startTorchServeWith(context, { models: archives, workers: 1, batchSize: 1, request });
}

function loadSteps(generator, seconds) {
  const step =
    (point, spec, more = () => ({})) =>
    (contender) => ({
      ...{ contender: contender.name, point, seconds, invalid: invalidReason },
      measure: async () => {
        const { server, requests } = contender;
        const load = { url: server.url, connections, seconds, requests, ...spec(requests) };
        const { targets, ...figures } = await generator.run(load);
        server.assertAlive();
        return {
          ...figures,
          worstP99: Math.max(...targets.map((one) => one.p99)),
          ...more(targets),
        };
      },
      describe: ({ throughput, p99, worstP99 }) =>
        `${whole(throughput)} req/s, p99 ${significant(p99)}, of a model ${significant(worstP99)} ms`,
    });
  const byRank = (requests) => ({
    requests: requests.map((request, i) => ({ ...request, weight: 1 / (i + 1) })),
  });
  const own = (requests) => ({
    connections: connectionsOfModel * requests.length,
    bound: true,
  });
  const even = step(points.even, () => ({}));
  return {
    ...{ even, zipf: step(points.zipf, byRank), bound: step(points.bound, own, sharesOf) },
    warmUp: (contender) => even(contender).measure(),
  };
}

/** Demand was equal: how far is what was answered from it? */
function sharesOf(targets) {
  const counts = targets.map(({ requests }) => requests);
  return { fairness: Math.min(...counts) / Math.max(...counts) };
}

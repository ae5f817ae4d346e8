import { availableParallelism } from 'node:os';
import {
  startTorchServeWith,
  startTunedTorchServe,
  torchServeTunings,
} from '../contenders/torchserve.mjs';
import { names } from './alpha-figures.mjs';
import { alpha, documentedBatches, jsonRequest, verifyAlpha } from './alpha-model.mjs';
import { warmUp } from './load-step.mjs';
import { whole } from './markdown.mjs';
import { startStep } from './start-step.mjs';

const tuningConnections = 64;
const tuningSeconds = 2;
/** With so small a model one worker that batches may be faster than several. */
const batching = { workers: 1, batchSize: 32, maxBatchDelay: 10 };
const tunings = [...torchServeTunings, batching];
const fewTunings = [torchServeTunings[0], batching];
/** About what a start of TorchServe takes. */
const startSeconds = 4;

/**
 * TorchServe with the batches of its documentation, as it is fastest, and as it comes.
 *
 * @param {import('./context.mjs').BenchContext} context
 * @param {string} archive with the handler in Python
 * @param {{ requests: number[][], predictions: number[][] }} expected
 * @returns {Promise<{ contenders: import('./load-step.mjs').LoadContender[],
 *   starts: import('./rounds.mjs').Step[], notes: string[], skipped: string[] }>}
 */
export async function startAlphaTorchServes(context, archive, expected) {
  const request = jsonRequest(expected.requests[0]);
  const wanted = { models: [{ name: alpha.name, archive }], request };
  const documented = { ...wanted, ...documentedBatches, workers: 1 };
  const verified = (name, candidate) => verifiedContender(context, name, candidate, expected);

  const server = await startTorchServeWith(context, documented);
  if ('skipped' in server) {
    return { contenders: [], starts: [], notes: [], skipped: [`TorchServe: ${server.skipped}`] };
  }
  const first = await verified(names.torchServe, server);
  const tuned = await startTunedAlpha(context, archive, expected, tunings);
  const defaults = await startTorchServeWith(context, wanted);
  const last = await verified(names.defaults, defaults);

  const start = async () => {
    const started = await startTorchServeWith(context, documented);
    await started.close();
    return started.startMilliseconds;
  };
  return {
    contenders: [first, contenderOf(names.tuned, tuned.server, request), last],
    starts: [startStep(names.torchServe, startSeconds, start)],
    notes: [tuningNote(tuned), torchServeNote],
    skipped: [],
  };
}

/**
 * TorchServe with the tuning that answers most requests a second.
 *
 * @param {import('./context.mjs').BenchContext} context
 * @param {string} archive with the handler in Python
 * @param {{ requests: number[][], predictions: number[][] }} expected
 * @param {typeof tunings} [tried]
 */
export function startTunedAlpha(context, archive, expected, tried = fewTunings) {
  const wanted = {
    models: [{ name: alpha.name, archive }],
    request: jsonRequest(expected.requests[0]),
  };
  const look = async (candidate) => {
    const { request } = await verifiedContender(context, names.tuned, candidate, expected);
    const load = { connections: tuningConnections, seconds: tuningSeconds };
    return context.load.run({ ...request, ...load });
  };
  return startTunedTorchServe(context, wanted, look, tried);
}

function contenderOf(name, server, request) {
  const url = `${server.url}/predictions/${alpha.name}`;
  return { name, server, request: { url, ...request } };
}

/** Right answers, and some load. */
async function verifiedContender(context, name, server, expected) {
  const contender = contenderOf(name, server, jsonRequest(expected.requests[0]));
  await verifyAlpha(name, contender.request.url, expected);
  await warmUp(context.load, contender);
  return contender;
}

/** What every section with TorchServe says of it. */
export const torchServeNote =
  'TorchServe has a Java heap of at most 256 MiB and `OMP_NUM_THREADS=1`, and logs warnings only, as Sconce does.';

/**
 * Which tuning won, in words.
 *
 * @param {{ tuning: string, tried: { tuning: string, look: { throughput: number } }[] }} tuned
 */
export function tuningNote({ tuning, tried }) {
  const rates = tried.map((one) => `${one.tuning}: ${whole(one.look.throughput)} req/s`);
  return `TorchServe tuned is ${tuning}, the best of those tried on ${availableParallelism()} cores at c=${tuningConnections} (${rates.join('; ')}).`;
}

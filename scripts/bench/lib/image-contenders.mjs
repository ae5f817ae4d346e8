import { startDecodeLoop } from '../contenders/decode-loop.mjs';
import { startTorchServeWith, startTunedTorchServe } from '../contenders/torchserve.mjs';
import { ask, checkAnswers } from './answers.mjs';
import { bestConcurrency } from './best-concurrency.mjs';
import { bytesOfRow, floats } from './binary-rows.mjs';
import { compareClasses } from './class-scores.mjs';

/** Of scores whose standard deviation is 3: every way to compute them rounds in its own way. */
export const scoreTolerance = 1e-3;
export const probabilityTolerance = 1e-4;
/** The same where numbers have 8 bits. */
export const bfloat16Tolerance = 0.05;
/** Of values of rows: decoders may differ in the last bit of a pixel. */
export const rowTolerance = 0.02;
const sampledEvery = 100;

const binary = 'application/octet-stream';

const jpegRequest = ({ bytes }) => ({ body: bytes, headers: { 'Content-Type': 'image/jpeg' } });

/**
 * A server that answers each photo as PyTorch does, and the request that it is measured with.
 *
 * @param {string} name of the contender
 * @param {import('./server.mjs').Server} server
 * @param {{ bytes: Buffer }[]} images
 * @param {import('../contenders/image-models.mjs').ImageModel} model
 * @param {number} [tolerance] of probabilities
 * @returns {Promise<import('./load-step.mjs').LoadContender>}
 */
export async function verifiedJpeg(name, server, images, model, tolerance = probabilityTolerance) {
  const url = `${server.url}/predictions/${model.name}`;
  const replies = await Promise.all(images.map((image) => ask(url, jpegRequest(image))));
  const { given, expected } = compareClasses(replies, model.predictions);
  checkAnswers(name, given, expected, tolerance);
  return { name, server, request: { url, ...jpegRequest(images[0]) } };
}

/**
 * The same with raw rows instead of photos.
 *
 * @param {string} name
 * @param {import('./server.mjs').Server} server
 * @param {{ name: string, dtype?: string, requests: number[][], predictions: number[][] }} model
 * @param {number} [tolerance] of scores
 */
export async function verifiedTensor(name, server, model, tolerance = scoreTolerance) {
  const url = `${server.url}/predictions/${model.name}`;
  const headers = { 'Content-Type': binary, Accept: binary };
  const bodies = model.requests.map((row) => bytesOfRow(row, model.dtype));
  const replies = await Promise.all(bodies.map((body) => ask(url, { body, headers })));
  checkAnswers(name, replies.map(floats), model.predictions, tolerance);
  return { name, server, request: { url, body: bodies[0], headers } };
}

/** The loop that decodes, on one thread, whose rows are those of PyTorch. */
export async function verifiedDecode(name, context, images, model) {
  const paths = images.map(({ path }) => path);
  const loop = await startDecodeLoop(context, 1, paths);
  const rows = model.requests.map((row) => row.filter((_, i) => i % sampledEvery === 0));
  checkAnswers(name, loop.ready.predictions, rows, rowTolerance);
  return loop;
}

const wantedOf = (images, model) => ({
  models: [{ name: model.name, archive: model.archive }],
  packages: ['torchvision'],
  request: jpegRequest(images[0]),
});

/**
 * TorchServe with image_classifier as it is fastest, or the reason why there is none.
 *
 * @param {string} name of the contender
 * @param {import('./context.mjs').BenchContext} context
 * @param {import('./load.mjs').LoadGenerator} load
 * @param {{ images: object[], model: object, connections: number[], seconds: number }} given what it
 *   is tried with
 */
export async function tunedTorchServe(name, context, load, given) {
  const { images, model, connections, seconds } = given;
  const look = async (server) =>
    bestConcurrency(load, await verifiedJpeg(name, server, images, model), connections, seconds);
  const theirs = await startTunedTorchServe(context, wantedOf(images, model), look);
  if ('skipped' in theirs) return theirs;
  const url = `${theirs.server.url}/predictions/${model.name}`;
  const request = { url, ...jpegRequest(images[0]) };
  return { ...theirs, contender: { name, server: theirs.server, request } };
}

/** TorchServe with one tuning, verified. */
export async function plainTorchServe(name, context, settings, { images, model }) {
  const server = await startTorchServeWith(context, { ...wantedOf(images, model), ...settings });
  return 'skipped' in server ? server : verifiedJpeg(name, server, images, model);
}

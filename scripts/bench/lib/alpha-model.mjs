import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { ask, checkAnswers } from './answers.mjs';
import { writeBenchArchive } from './bench-archive.mjs';
import { bytesOfRow, floats } from './binary-rows.mjs';

/** The small network that several subjects serve. Paths are relative to the root. */
export const alpha = {
  name: 'alpha_model',
  folder: 'examples/alpha_model',
  modelFile: 'examples/alpha_model/model.pt',
  expectedFile: 'examples/alpha_model/expected.json',
  /** Of answers by the same LibTorch. */
  tolerance: 1e-6,
  /** Of answers by any PyTorch. */
  looseTolerance: 1e-5,
};

/** What TorchServe is told of batches where it is not tuned, and Sconce with it. */
export const documentedBatches = { batchSize: 32, maxBatchDelay: 100 };

export const sconceBatchFlags = [
  ...['--batch-size', String(documentedBatches.batchSize)],
  ...['--max-batch-delay', String(documentedBatches.maxBatchDelay)],
];

/** @returns {{ requests: number[][], predictions: number[][] }} rows and what PyTorch says to them */
export function readExpected() {
  return JSON.parse(readFileSync(join(root, alpha.expectedFile), 'utf8'));
}

/** A row as TorchServe's handler and Sconce's both take it. */
export const jsonRequest = (row) => ({
  body: Buffer.from(JSON.stringify({ features: row })),
  headers: { 'Content-Type': 'application/json' },
});
export const jsonAnswer = (reply) => JSON.parse(reply).prediction;

const binary = 'application/octet-stream';

/** Raw float32, both ways. */
export const binaryRequest = (row) => ({
  body: bytesOfRow(row),
  headers: { 'Content-Type': binary, Accept: binary },
});
export const binaryAnswer = floats;

/**
 * Throws SetupError unless a server answers all requests as PyTorch does. They are sent all at once,
 * so that rows of several share a batch.
 *
 * @param {string} name
 * @param {string} url
 * @param {{ requests: number[][], predictions: number[][] }} expected
 * @param {{ request?: typeof jsonRequest, answer?: typeof jsonAnswer, tolerance?: number }} [form]
 */
export async function verifyAlpha(name, url, expected, form = {}) {
  const { request = jsonRequest, answer = jsonAnswer, tolerance = alpha.looseTolerance } = form;
  const replies = await Promise.all(expected.requests.map((row) => ask(url, request(row))));
  checkAnswers(name, replies.map(answer), expected.predictions, tolerance);
}

/**
 * The archive that TorchServe serves, with a handler in Python of about 30 lines.
 *
 * @param {string} folder that it is written to
 * @param {string} [name]
 * @param {string} [serializedFile] absolute
 */
export function writePythonArchive(folder, name = alpha.name, serializedFile = undefined) {
  return writeBenchArchive({
    modelName: name,
    version: '1.0',
    serializedFile: serializedFile ?? join(root, alpha.modelFile),
    handler: join(root, 'test/compat/archives/custom_handler.py'),
    archiveFormat: 'default',
    exportPath: folder,
  });
}

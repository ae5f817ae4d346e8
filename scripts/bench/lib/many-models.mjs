import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../lib/root.mjs';
import { alpha, jsonAnswer, jsonRequest, writePythonArchive } from './alpha-model.mjs';
import { ask, checkAnswers } from './answers.mjs';
import { writeBenchArchive } from './bench-archive.mjs';
import { runPython } from './python-script.mjs';

/**
 * A model of the subject many.
 *
 * @typedef {object} OneOfMany
 * @property {string} name
 * @property {string} file TorchScript
 * @property {number[]} answer to the first request of alpha
 */

/**
 * Makes models like alpha, each with weights of its own.
 *
 * @param {string} folder
 * @param {number} count
 * @returns {Promise<OneOfMany[]>}
 */
export async function makeModels(folder, count) {
  const names = Array.from({ length: count }, (_, i) => `alpha_${i + 1}`);
  const files = [alpha.modelFile, alpha.expectedFile].map((path) => join(root, path));
  await runPython('many_models.py', [...files, folder, ...names], ['torch']);
  const answers = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8'));
  return names.map((name) => ({
    ...{ name, file: join(folder, `${name}.pt`), answer: answers[name] },
  }));
}

/**
 * Archives without code, as entries of `--models`.
 *
 * @param {string} folder
 * @param {OneOfMany[]} models
 */
export function tensorArchives(folder, models) {
  const configFile = join(root, alpha.folder, 'model-config.yaml');
  return Promise.all(
    models.map(async ({ name, file }) => {
      const archive = await writeBenchArchive({
        ...{ modelName: name, version: '1.0', serializedFile: file, configFile },
        ...{ handler: 'tensor', archiveFormat: 'default', exportPath: folder },
      });
      return `${name}=${archive}`;
    }),
  );
}

/**
 * Archives with a handler in Python.
 *
 * @param {string} folder
 * @param {OneOfMany[]} models
 */
export function pythonArchives(folder, models) {
  const own = join(folder, 'python');
  mkdirSync(own);
  return Promise.all(
    models.map(async ({ name, file }) => {
      // The handler wants this name.
      const named = join(own, name, 'model.pt');
      mkdirSync(dirname(named));
      copyFileSync(file, named);
      return { name, archive: await writePythonArchive(own, name, named) };
    }),
  );
}

/**
 * Throws SetupError unless every model answers with its own weights; all are asked at once. Gives the
 * requests that load is made of.
 *
 * @param {string} contender
 * @param {string} url scheme, host and port
 * @param {OneOfMany[]} models
 * @param {number[]} row
 * @returns {Promise<import('./generator.mjs').GeneratorRequest[]>}
 */
export async function verifyModels(contender, url, models, row) {
  const request = jsonRequest(row);
  const path = ({ name }) => `/predictions/${name}`;
  const replies = await Promise.all(models.map((model) => ask(`${url}${path(model)}`, request)));
  const wanted = models.map(({ answer }) => answer);
  checkAnswers(contender, replies.map(jsonAnswer), wanted, alpha.looseTolerance);
  return models.map((model, i) => ({
    ...{ path: path(model), ...request, replyBytes: replies[i].length },
  }));
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import { runPython } from '../lib/python-script.mjs';

/**
 * ResNet-18 for rows of one dtype.
 *
 * @typedef {object} ResnetRows
 * @property {string} name
 * @property {'float32' | 'uint8'} dtype
 * @property {string} path TorchScript
 * @property {string} rows the file with its rows and scores
 * @property {string} archive with the handler tensor
 * @property {number[][]} requests
 * @property {number[][]} predictions scores
 */

/**
 * Makes ResNet-18 for pixels and for numbers, with Python's torch alone.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @returns {Promise<{ pixels: ResnetRows, float32: ResnetRows }>}
 */
export async function makeResnetRows({ folder }) {
  await runPython('resnet_rows.py', [folder], ['torch']);
  return { pixels: await made(folder, 'pixels'), float32: await made(folder, 'float32') };
}

async function made(folder, kind) {
  const name = `resnet18_${kind}`;
  const [path, rows] = ['pt', 'json'].map((ending) => join(folder, `${name}.${ending}`));
  const { dtype, dims, requests, predictions } = JSON.parse(readFileSync(rows, 'utf8'));
  const configFile = join(folder, `${name}.yaml`);
  writeFileSync(configFile, `inputs: [{ name: image, dtype: ${dtype}, shape: [${dims}] }]\n`);
  const archive = await writeBenchArchive({
    ...{ modelName: name, version: '1.0', serializedFile: path, configFile, handler: 'tensor' },
    ...{ archiveFormat: 'zip-store', exportPath: folder },
  });
  return { name, dtype, path, rows, archive, requests, predictions };
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../lib/process.mjs';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { writeBenchArchive } from '../lib/bench-archive.mjs';
import { makePhoto } from '../lib/photo.mjs';
import { findPython } from '../lib/test-python.mjs';

const photos = 4;

/** What the handler `tensor` is told of a row of float32. */
const tensorConfig = `inputs:
  - name: image
    dtype: float32
    shape: [3, 224, 224]
`;

/**
 * An image model of the benchmark.
 *
 * @typedef {object} ImageModel
 * @property {string} name
 * @property {string} file TorchScript
 * @property {string} rows the file with its rows and scores
 * @property {string} archive with the handler image_classifier
 * @property {string} tensorArchive with the handler tensor
 * @property {number[][]} requests the rows of the photos
 * @property {number[][]} predictions their scores
 */

/**
 * Makes photos and, in Python, the models and what they say of the photos.
 *
 * @param {import('../lib/context.mjs').BenchContext} context
 * @param {string[]} names of the models in image_models.py
 * @param {number} bytes of a photo
 * @returns {Promise<{ images: { path: string, bytes: Buffer }[], models: ImageModel[] }>}
 */
export async function makeImageModels({ folder }, names, bytes) {
  const found = await findPython(['torch', 'numpy', 'PIL']);
  if ('skipped' in found) throw new SetupError(`The models cannot be made: ${found.skipped}`);
  const images = [];
  for (let i = 0; i < photos; i += 1) {
    const image = { path: join(folder, `${i}.jpg`), bytes: await makePhoto(i + 1, bytes) };
    writeFileSync(image.path, image.bytes);
    images.push(image);
  }
  const program = join(root, 'scripts/bench/image_models.py');
  const { code, stderr } = await run(found.python, [
    ...[program, folder],
    ...images.map(({ path }) => path),
  ]);
  if (code !== 0) throw new SetupError(`The models cannot be made:\n${stderr}`);
  const models = [];
  for (const name of names) models.push(await archived(folder, name));
  return { images, models };
}

async function archived(folder, name) {
  const file = join(folder, `${name}.pt`);
  const rows = join(folder, `${name}.json`);
  const configFile = join(folder, 'tensor.yaml');
  writeFileSync(configFile, tensorConfig);
  const write = (modelName, options) =>
    writeBenchArchive({
      ...{ modelName, version: '1.0', serializedFile: file, exportPath: folder },
      ...{ archiveFormat: 'zip-store', ...options },
    });
  const archive = await write(name, { handler: 'image_classifier' });
  const tensorArchive = await write(`${name}_tensor`, { handler: 'tensor', configFile });
  const { requests, predictions } = JSON.parse(readFileSync(rows, 'utf8'));
  return { name, file, rows, archive, tensorArchive, requests, predictions };
}

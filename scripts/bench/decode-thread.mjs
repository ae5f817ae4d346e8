/** A thread of decode-loop.mjs: decodes for as many seconds as a message says, and tells how often. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Tensor } from '../../dist/src/handlers/api/tensor.js';
import { decodeImage } from '../../dist/src/handlers/vision/decode-image.js';

/** Images in work at the same time: while one is resized, others are decoded. */
const atOnce = 16;
const sampledEvery = 100;

/** The defaults of the image handlers. */
const [resize, crop] = [256, 224];
const mean = [0.485, 0.456, 0.406];
const deviation = [0.229, 0.224, 0.225];
const { signal } = new AbortController();

const images = workerData.map((path) => readFileSync(path));

async function prepare(bytes, row) {
  const image = await decodeImage(bytes, { limitPixels: true, exifOrientation: false, signal });
  image.resizeAndCrop(resize, crop).writeTo(row, mean, deviation);
}

const newRow = () => Tensor.zeros('float32', [3, crop, crop]);

async function sample(bytes) {
  const row = newRow();
  await prepare(bytes, row);
  return [...row.data].filter((_, i) => i % sampledEvery === 0);
}

async function measure(seconds) {
  const end = performance.now() + seconds * 1000;
  let count = 0;
  const work = async () => {
    const row = newRow();
    while (performance.now() < end) {
      await prepare(images[count % images.length], row);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return count;
}

parentPort.on('message', async (seconds) => parentPort.postMessage(await measure(seconds)));
parentPort.postMessage(await Promise.all(images.map(sample)));

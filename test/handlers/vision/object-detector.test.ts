import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { ObjectDetector } from '../../../src/handlers/vision/object-detector.js';
import { expectedImages, imageFile } from '../../support/image-fixtures.js';
import { initialized, LocalContext, localRequest } from '../local-context.js';
import { decode } from './decode.js';

const inputs = [{ name: 'images', dtype: 'float32', dims: null }] as const;

async function detector(handler: object = {}): Promise<ObjectDetector> {
  const context = new LocalContext({ inputs, rowShape: undefined, modelConfig: { handler } });
  return initialized(new ObjectDetector(), context);
}

const boxes = [
  [1.5, 2, 30.25, 41],
  [0.1, 0.2, 0.3, 0.4],
  [5, 6, 7, 8],
];
const scores = [0.98, 0.4999, 0.5];
const labels = [2, 1, 2];

async function reply(outputs: Outputs, handler: object = {}): Promise<string> {
  return replyJson((await detector(handler)).postprocess(outputs));
}

suite('object_detector', () => {
  test('gives the model the image in its own size, from 0 to 1', async () => {
    const context = new LocalContext({ inputs, rowShape: undefined });
    const handler = await detector();
    const row = await handler.preprocess(localRequest(imageFile('420.jpg')), context);
    assert.ok(row instanceof Tensor);
    assert.deepEqual(row.shape, [1, 3, 61, 97]);
    const { pixels } = await decode(imageFile('420.jpg'));
    const expected = Float32Array.from(row.numbers(), (_, i) => {
      return (pixels[(i % (61 * 97)) * 3 + Math.floor(i / (61 * 97))] ?? 0) / 255;
    });
    assert.deepEqual(row.data, expected);
    assert.equal(ObjectDetector.rowShape(), undefined);
  });

  test("answers as TorchServe's", async () => {
    const outputs = Outputs.of({
      boxes: Tensor.from([boxes]),
      labels: Tensor.from([labels], 'int64'),
      scores: Tensor.from([scores]),
    });
    const named = { labels: { 1: 'person', 2: 'cat' } };
    assert.equal(await reply(outputs, named), expectedImages.detector);
  });

  test('reads as many objects of a row as it has', async () => {
    const outputs = Outputs.of({
      boxes: Tensor.from([boxes, boxes]),
      labels: Tensor.from([labels, labels], 'int64'),
      scores: Tensor.from([scores, scores]),
      count: Tensor.from([0, 2], 'int64'),
    });
    const found: unknown = JSON.parse(await reply(outputs, { threshold: 0 }));
    assert.ok(Array.isArray(found));
    assert.deepEqual(
      found.map((objects) => objects.length),
      [0, 2],
    );
  });

  test('answers with nothing where nothing is found', async () => {
    const outputs = Outputs.of({
      boxes: Tensor.zeros('float32', [1, 0, 4]),
      labels: Tensor.zeros('int64', [1, 0]),
      scores: Tensor.zeros('float32', [1, 0]),
      count: Tensor.zeros('int64', [1]),
    });
    assert.equal(await reply(outputs), '[]');
  });

  test('compares scores with the threshold as float32', async () => {
    const outputs = Outputs.of({
      boxes: Tensor.from([boxes]),
      labels: Tensor.from([labels], 'int64'),
      scores: Tensor.from([[0.7, 0.69, Number.NaN]]),
    });
    const found: unknown = JSON.parse(await reply(outputs, { threshold: 0.7 }));
    assert.deepEqual(found, [{ 2: [1.5, 2, 30.25, 41], score: Math.fround(0.7) }]);
  });

  test('says what a model returns instead', async () => {
    await assert.rejects(reply(Outputs.of(Tensor.from([[1]]))), {
      code: 'INVALID_OUTPUT',
      message: /no output has the name "boxes"/,
    });
    const outputs = Outputs.of({
      boxes: Tensor.from([boxes]),
      labels: Tensor.from([[1]], 'int64'),
      scores: Tensor.from([scores]),
    });
    await assert.rejects(reply(outputs), {
      code: 'INVALID_OUTPUT',
      message: /are float32\[1, 3, 4\], int64\[1, 1\], float32\[1, 3\]; \[rows, objects, 4\]/,
    });
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { ImageClassifier } from '../../../src/handlers/vision/image-classifier.js';
import type { RasterImage } from '../../../src/handlers/vision/raster-image.js';
import { VisionHandler } from '../../../src/handlers/vision/vision-handler.js';
import { expectedImages, imageFile, sha256 } from '../../support/image-fixtures.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';

const standard: LocalModel = {
  inputs: [{ name: 'x', dtype: 'float32', dims: null }],
  rowShape: [{ dtype: 'float32', dims: [3, 224, 224] }],
};

const file = imageFile('420.jpg');
const transformed = expectedImages.transformed['420.jpg'];

async function handlerOf(model: LocalModel = standard): Promise<VisionHandler> {
  return initialized(new VisionHandler(), new LocalContext(model));
}

/** A model with one row shape of [3, 2, 2]. */
function tiny(more: LocalModel = {}): LocalModel {
  return {
    ...standard,
    rowShape: [{ dtype: 'float32', dims: [3, 2, 2] }],
    modelConfig: { handler: { resize: 2, crop: 2 } },
    ...more,
  };
}

const tinyList = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [5, 6],
    [7, 8],
  ],
  [
    [9, 10],
    [11, 12.5],
  ],
];

suite('VisionHandler.preprocess', () => {
  test('writes an image into the row of the batch, which it reserves when it is decoded', async () => {
    const context = new LocalContext(standard);
    const inputs = await (await handlerOf()).preprocess(localRequest(file), context);
    assert.equal(inputs, undefined);
    assert.equal(context.reserved, 1);
    assert.equal(sha256(context.row().bytes), transformed);
  });

  test('makes a tensor where the shape of rows is not known', async () => {
    const context = new LocalContext({ ...standard, rowShape: undefined });
    const inputs = await (await handlerOf()).preprocess(localRequest(file), context);
    assert.ok(inputs instanceof Tensor);
    assert.deepEqual(inputs.shape, [1, 3, 224, 224]);
    assert.equal(sha256(inputs.bytes), transformed);
    assert.equal(context.reserved, 0);
  });

  test('takes the field data, else body, of a form', async () => {
    const part = { value: file, contentType: 'image/jpeg' };
    for (const name of ['data', 'body']) {
      const request = localRequest('', { parameters: [{ name, ...part }] });
      const context = new LocalContext(standard);
      await (await handlerOf()).preprocess(request, context);
      assert.equal(sha256(context.row().bytes), transformed);
    }
    const other = localRequest('', { parameters: [{ name: 'image', ...part }] });
    await assert.rejects((await handlerOf()).preprocess(other, new LocalContext(standard)), {
      code: 'INVALID_REQUEST',
      message: /data or body; it has "image"/,
    });
  });

  test('gives a list of numbers to the model as it is', async () => {
    const request = localRequest(JSON.stringify(tinyList), { contentType: 'application/json' });
    const context = new LocalContext(tiny());
    assert.equal(await (await handlerOf(tiny())).preprocess(request, context), undefined);
    assert.deepEqual(context.row().toArray(), tinyList);

    const loose = new LocalContext(tiny({ rowShape: undefined }));
    const inputs = await (await handlerOf(tiny())).preprocess(request, loose);
    assert.ok(inputs instanceof Tensor);
    assert.deepEqual(inputs.toArray(), [tinyList]);
  });

  const wrong: [string, string, RegExp][] = [
    ['a list of another shape', '[[1, 2], [3, 4]]', /shape \[2, 2\]; the model takes \[3, 2, 2\]/],
    ['lists of different lengths', '[[[1, 2], [3]]]', /element \[0\]\[1\] has the length 1; 2/],
    ['text in a list', '[["1"]]', /element \[0\]\[0\] is a string/],
    ['a number', '3', /base64 of an image in a string, or nested lists/],
    ['null', 'null', /base64 of an image/],
    ['an object', '{"data": 1}', /base64 of an image/],
    ['an empty list', '[]', /shape \[0\]/],
    ['an endless list', '['.repeat(50_000) + ']'.repeat(50_000), /nested lists of numbers/],
    ['an empty string', '""', /the image is empty/],
    ['what is neither JSON nor an image', '{"data":', /in no format that is known/],
  ];
  for (const [what, body, message] of wrong) {
    test(`refuses ${what}`, async () => {
      const request = localRequest(body, { contentType: 'application/json' });
      const handler = await handlerOf(tiny());
      const refused = { code: 'INVALID_REQUEST', message };
      await assert.rejects(handler.preprocess(request, new LocalContext(tiny())), refused);
    });
  }

  test('fails with why it was given up, when nobody waits any more', async () => {
    const context = new LocalContext(standard);
    context.abort.abort(new Error('hung up'));
    const handler = await handlerOf();
    await assert.rejects(handler.preprocess(localRequest(file), context), /hung up/);
  });
});

test('an explanation is of the image, and of the class that the form names', async () => {
  const explained: unknown[] = [];
  const model = tiny({
    explain: ({ inputs, target }) => {
      const [image] = inputs instanceof Tensor ? [inputs] : Object.values(inputs);
      explained.push(image?.shape, target);
      return Tensor.zeros('float32', [3, 2, 2]);
    },
  });
  const parameters = [
    { name: 'data', value: file, contentType: 'image/jpeg' },
    { name: 'target', value: Buffer.from('7'), contentType: undefined },
  ];
  const request = localRequest('', { parameters, explain: true });
  const reply = await (await handlerOf(tiny())).explain(request, new LocalContext(model));
  assert.ok(reply instanceof Tensor);
  assert.deepEqual(reply.shape, [3, 2, 2]);
  assert.deepEqual(explained, [[1, 3, 2, 2], 7]);
});

suite('VisionHandler.initialize', () => {
  const refused: [string, LocalModel, RegExp][] = [
    ['a wrong option', { modelConfig: { handler: { crop: 0 } } }, /^handler\.crop must be >= 1/],
    [
      'labels of a wrong form',
      { modelConfig: { handler: { labels: { 0: 1 } } } },
      /^handler\.labels: the label of class "0" is a value of type number/,
    ],
    [
      'a row of another shape',
      { rowShape: [{ dtype: 'float32', dims: [3, 100, 100] }] },
      /"x" has the shape \[3, 100, 100\]; the image handler makes \[3, 224, 224\] \(handler\.crop\)/,
    ],
    [
      'several inputs',
      {
        inputs: [
          { name: 'x', dtype: 'float32', dims: null },
          { name: 'y', dtype: 'float32', dims: null },
        ],
      },
      /fills one input; the model has 2 \(x, y\)/,
    ],
  ];
  for (const [what, model, message] of refused) {
    test(`refuses ${what}`, async () => {
      const rejected = { code: 'INVALID_CONFIGURATION', message };
      await assert.rejects(handlerOf({ ...standard, ...model }), rejected);
    });
  }

  test('takes a shape with free dimensions', async () => {
    await handlerOf({
      inputs: [{ name: 'x', dtype: 'float32', dims: [3, -1, -1] }],
      rowShape: undefined,
    });
  });

  test('knows the row shape from the option crop', () => {
    assert.deepEqual(ImageClassifier.rowShape({ handler: { crop: 31, mine: true } }), [
      { dtype: 'float32', dims: [3, 31, 31] },
    ]);
    const refusal = { code: 'INVALID_CONFIGURATION', message: /^handler\.crop must be integer/ };
    assert.throws(() => ImageClassifier.rowShape({ handler: { crop: '31' } }), refusal);
  });
});

class DigitHandler extends ImageClassifier {
  protected override readonly ownKeys = ['invert'];

  override transform(image: RasterImage, row: Tensor): void {
    image.grey().resize(28, 28).writeTo(row, [0.1307], [0.3081]);
  }
}

test('a subclass makes rows of its own shape, and has options of its own', async () => {
  const model: LocalModel = {
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 28, 28] }],
    modelConfig: { handler: { invert: true, topk: 1 } },
  };
  const context = new LocalContext(model);
  const handler = await initialized(new DigitHandler(), context);
  assert.equal(await handler.preprocess(localRequest(file), context), undefined);
  assert.ok(
    context
      .row()
      .numbers()
      .every((value) => value >= -0.43 && value <= 2.83),
  );
});

test('large images are refused unless the server allows them', async () => {
  const limits: (boolean | undefined)[] = [];
  class Recording extends VisionHandler {
    override async decode(...[bytes, context]: Parameters<VisionHandler['decode']>) {
      limits.push(context.systemProperties.limit_max_image_pixels);
      return super.decode(bytes, context);
    }
  }
  const model = { ...standard, limitMaxImagePixels: false };
  const context = new LocalContext(model);
  const handler = await initialized(new Recording(), context);
  await handler.preprocess(localRequest(file), context);
  assert.deepEqual(limits, [false]);
});

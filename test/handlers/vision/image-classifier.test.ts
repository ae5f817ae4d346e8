import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { ImageClassifier } from '../../../src/handlers/vision/image-classifier.js';
import { closeOpenModels } from '../../native/open-model.js';
import { expectedImages, imageFile } from '../../support/image-fixtures.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';
import { answer } from './answer.js';
import { modelConfig, modelSide, openImageModel } from './native-model.js';
import { assertSameJson } from './same-json.js';

const names: Record<string, string> = Object.fromEntries(
  Array.from({ length: 10 }, (_, i) => [i, i === 3 ? 'chat noir déjà vu' : `class ${i}`]),
);

function modelWith(options: object): LocalModel {
  return {
    inputs: [{ name: 'x', dtype: 'float32', dims: null }],
    rowShape: [{ dtype: 'float32', dims: [3, modelSide, modelSide] }],
    modelConfig: { handler: { ...modelConfig.handler, ...options } },
  };
}

async function classifier(options: object = {}): Promise<ImageClassifier> {
  return initialized(new ImageClassifier(), new LocalContext(modelWith(options)));
}

async function reply(outputs: Outputs, options: object = {}): Promise<string> {
  return replyJson((await classifier(options)).postprocess(outputs));
}

after(closeOpenModels);

suite('image_classifier', () => {
  const forms: [string, object][] = [
    ['labelled', { labels: names }],
    ['unlabelled', {}],
    ['collapsed', { labels: Array.from({ length: 10 }, () => 'thing') }],
  ];
  for (const [form, options] of forms) {
    test(`answers as TorchServe's: ${form}`, async () => {
      const run = await openImageModel('classifier.pt');
      const request = localRequest(imageFile('420.jpg'));
      const text = await answer(await classifier(options), request, {
        ...modelWith(options),
        run,
      });
      assertSameJson(text, Reflect.get(expectedImages.classifier, form));
    });
  }

  test('answers with all classes when there are fewer than topk', async () => {
    const outputs = Outputs.of(Tensor.from([[0, 0]]));
    assert.equal(await reply(outputs), '{\n  "0": 0.5,\n  "1": 0.5\n}');
  });

  test('answers with as many classes as the configuration says', async () => {
    const outputs = Outputs.of(Tensor.from([[0, 50, 100]]));
    assert.equal(await reply(outputs, { topk: 1 }), '{\n  "2": 1.0\n}');
  });

  test('answers several rows with a list', async () => {
    const outputs = Outputs.of(
      Tensor.from([
        [100, 0],
        [0, 100],
      ]),
    );
    const expected = '[\n  {\n    "0": 1.0\n  },\n  {\n    "1": 1.0\n  }\n]';
    assert.equal(await reply(outputs, { topk: 1 }), expected);
  });

  test('reads scores of 16 bits', async () => {
    const outputs = Outputs.of(Tensor.from([[100, 0]]).to('bfloat16'));
    assert.equal(await reply(outputs, { topk: 1 }), '{\n  "0": 1.0\n}');
  });

  const wrong: [string, Outputs, RegExp][] = [
    ['several outputs', Outputs.of([Tensor.from([[1]]), Tensor.from([[1]])]), /returns 2 tensors/],
    ['more dimensions', Outputs.of(Tensor.from([[[1]]])), /float32\[1, 1, 1\]; 2 dimensions/],
  ];
  for (const [what, outputs, message] of wrong) {
    test(`refuses a model that returns ${what}`, async () => {
      await assert.rejects(reply(outputs), { code: 'INVALID_OUTPUT', message });
    });
  }

  test('names a class that has no label', async () => {
    const outputs = Outputs.of(Tensor.from([[0, 9]]));
    await assert.rejects(reply(outputs, { labels: ['only'] }), {
      code: 'INVALID_OUTPUT',
      message: /class 1 has no label in handler\.labels, which names 1 class/,
    });
  });
});

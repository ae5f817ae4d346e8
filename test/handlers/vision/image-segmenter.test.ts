import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { ImageSegmenter } from '../../../src/handlers/vision/image-segmenter.js';
import { closeOpenModels } from '../../native/open-model.js';
import { expectedImages, imageFile } from '../../support/image-fixtures.js';
import { initialized, LocalContext, type LocalModel, localRequest } from '../local-context.js';
import { answer } from './answer.js';
import { modelConfig, modelSide, openImageModel } from './native-model.js';
import { assertSameJson } from './same-json.js';

const model: LocalModel = {
  inputs: [{ name: 'x', dtype: 'float32', dims: null }],
  rowShape: [{ dtype: 'float32', dims: [3, modelSide, modelSide] }],
  modelConfig,
};

const segmenter = () => initialized(new ImageSegmenter(), new LocalContext(model));

async function reply(outputs: Outputs): Promise<string> {
  return replyJson((await segmenter()).postprocess(outputs));
}

after(closeOpenModels);

suite('image_segmenter', () => {
  test("answers as TorchServe's", async () => {
    const run = await openImageModel('segmenter.pt');
    const request = localRequest(imageFile('420.jpg'));
    assertSameJson(
      await answer(await segmenter(), request, { ...model, run }),
      expectedImages.segmenter,
    );
  });

  test('reads the field out, or what stands alone', async () => {
    const scores = Tensor.from([[[[0]], [[0]]]]);
    const expected = '[\n  [\n    [\n      0.0,\n      0.5\n    ]\n  ]\n]';
    assert.equal(await reply(Outputs.of(scores)), expected);
    assert.equal(await reply(Outputs.of({ aux: Tensor.from([1]), out: scores })), expected);
  });

  test('answers several rows with a list', async () => {
    const scores = Tensor.from([
      [[[0]], [[200]]],
      [[[200]], [[0]]],
    ]);
    assert.deepEqual(JSON.parse(await reply(Outputs.of(scores))), [[[[1, 1]]], [[[0, 1]]]]);
  });

  test('says what a model returns instead', async () => {
    await assert.rejects(reply(Outputs.of({ mask: Tensor.from([[1]]) })), {
      code: 'INVALID_OUTPUT',
      message: /no output has the name "out"; the model returns "mask" float32\[1, 1\]/,
    });
    await assert.rejects(reply(Outputs.of(Tensor.from([[1]]))), {
      code: 'INVALID_OUTPUT',
      message: /float32\[1, 1\]; 4 dimensions are expected/,
    });
    await assert.rejects(reply(Outputs.of(Tensor.zeros('float32', [1, 0, 2, 2]))), {
      code: 'INVALID_OUTPUT',
    });
  });
});

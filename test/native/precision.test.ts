import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import type { NativeModelOptions } from '../../src/native/addon.js';
import { dtypeCode } from '../../src/native/dtype.js';
import { alphaModel, closeOpenModels, fixture, OpenModel } from './open-model.js';

afterEach(closeOpenModels);

const { requests }: { requests: number[][] } = JSON.parse(
  readFileSync(alphaModel.replace(/model\.pt$/, 'expected.json'), 'utf8'),
);

/** What the example model answers to its example requests. */
async function predictions(options: Partial<NativeModelOptions>): Promise<number[]> {
  const model = await OpenModel.load(alphaModel, options);
  const slab = model.addSlab([{ dtype: 'float32', dims: [64] }], requests.length, 1024);
  for (const request of requests) slab.put(request);
  const event = await model.run(slab);
  assert.equal(event.errors, undefined);
  assert.equal(event.overflow, undefined);
  assert.deepEqual(model.model.signature(event.signature).outputs, [
    { dtype: dtypeCode('float32'), dims: [1] },
  ]);
  const values = [...slab.output(event, 1)];
  await model.close();
  return values;
}

function largestDifference(left: number[], right: number[]): number {
  assert.equal(left.length, right.length);
  return Math.max(...left.map((value, i) => Math.abs(value - (right[i] ?? Number.NaN))));
}

describe('reduced precision', () => {
  for (const precision of ['bfloat16', 'float16'] as const) {
    for (const freeze of [true, false]) {
      test(`${precision}, ${freeze ? 'frozen' : 'plain'}: float32 in and out, close to float32`, async () => {
        const exact = await predictions({ freeze });
        const reduced = await predictions({ freeze, precision, instances: 2 });
        const difference = largestDifference(exact, reduced);
        assert.ok(difference > 0, 'it was converted');
        assert.ok(difference < 1e-2, `differs by ${difference}`);
      });
    }
  }

  test('the default is the file as it is', async () => {
    assert.deepEqual(await predictions({ precision: 'float32' }), await predictions({}));
  });

  test('the weights take half of the memory, inputs stay declared as float32, and instances share', async () => {
    const exact = await OpenModel.load(alphaModel);
    const reduced = await OpenModel.load(alphaModel, { precision: 'bfloat16', instances: 3 });
    assert.equal((exact.description?.parameterBytes ?? 0) / 2, reduced.description?.parameterBytes);
    assert.deepEqual(reduced.description?.arguments, exact.description?.arguments);
    const pointers = reduced.model.parameterPointers();
    for (const own of pointers) assert.deepEqual(own, pointers[0]);
  });

  test('integers stay integers: the index of an embedding, and what argmax returns', async () => {
    const model = await OpenModel.load(fixture('pair.pt'), { precision: 'bfloat16' });
    const int64 = dtypeCode('int64');
    assert.equal(model.description?.arguments[0]?.dtype, int64);
    const slab = model.addSlab(
      [
        { dtype: 'int64', dims: [4] },
        { dtype: 'float32', dims: [4] },
      ],
      1,
      1024,
    );
    slab.commit(slab.reserve(1), 1);
    const event = await model.run(slab);
    assert.deepEqual(
      model.model.signature(event.signature).outputs.map(({ dtype }) => dtype),
      [dtypeCode('float32'), int64],
    );
  });

  for (const [input, output] of [
    ['float32', 'float32'],
    ['float64', 'float32'],
    ['float16', 'float16'],
    ['bfloat16', 'float32'],
    ['uint8', 'uint8'],
  ] as const) {
    test(`in bfloat16 a model that returns its ${input} input returns ${output}`, async () => {
      const model = await OpenModel.load(fixture('dtypes.pt'), { precision: 'bfloat16' });
      const slab = model.addSlab([{ dtype: input, dims: [3] }], 1, 1024);
      slab.commit(slab.reserve(1), 1);
      const event = await model.run(slab);
      const { outputs } = model.model.signature(event.signature);
      assert.deepEqual(outputs, [{ dtype: dtypeCode(output), dims: [3] }]);
    });
  }

  test('a batch that fails says that the model was converted', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { precision: 'float16' });
    await assert.rejects(model.warmUp([7], [1]), {
      code: 'MODEL_FAILED',
      message: /mat1 and mat2.* \(the model was converted to float16\)$/,
    });
  });

  test('a precision that there is not is refused', () => {
    const options: Partial<NativeModelOptions> = JSON.parse('{"precision":"int4"}');
    assert.throws(() => new OpenModel(alphaModel, options), {
      code: 'INTERNAL',
      message: /precision must be float32, tf32, bfloat16 or float16, not int4/,
    });
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SconceError } from '../../../src/errors.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { checkInputs } from '../../../src/handlers/host/checked-inputs.js';
import { readBinaryBody } from '../../../src/handlers/tensor/binary-body.js';
import { narrowRange, rangeProblem } from '../../../src/handlers/tensor/integer-range.js';
import { nativeFields, planTensors } from '../../../src/handlers/tensor/tensor-plan.js';
import type { NativeArgument } from '../../../src/native/addon.js';
import { dtypeCode } from '../../../src/native/dtype.js';
import { describedModel } from '../../support/described-model.js';

const int64 = dtypeCode('int64');

const ids: NativeArgument = { name: 'ids', type: 'Tensor', dtype: int64, indexLimit: 10 };

suite('the range of an input', () => {
  test('is the narrower of what is declared and what its embedding allows', () => {
    assert.deepEqual(narrowRange({}, 'int64', 10), { minimum: 0, maximum: 9 });
    assert.deepEqual(narrowRange({ minimum: 2, maximum: 99 }, 'int64', 10), {
      minimum: 2,
      maximum: 9,
    });
    assert.deepEqual(narrowRange({ minimum: -5, maximum: 3 }, 'int32', 10), {
      minimum: 0,
      maximum: 3,
    });
    assert.deepEqual(narrowRange({ maximum: 3 }, 'uint8', undefined), { maximum: 3 });
    assert.deepEqual(narrowRange({}, 'int64', 0), {});
    assert.deepEqual(narrowRange({}, 'float32', 10), {});
  });

  test('cannot be empty, nor that of anything but integers', () => {
    assert.equal(rangeProblem({}, 'float32'), undefined);
    assert.equal(rangeProblem({ minimum: 1, maximum: 1 }, 'int8'), undefined);
    assert.match(rangeProblem({ minimum: 0 }, 'float32') ?? '', /^its elements are float32/);
    assert.match(rangeProblem({ minimum: 2, maximum: 1 }, 'int8') ?? '', /^its minimum 2 is above/);
  });

  test('reaches the readers of requests', () => {
    const plan = planTensors({ inputs: [{ name: 'tokens', maximum: 5 }] }, describedModel(ids));
    const expected = { name: 'tokens', dims: null, minimum: 0, maximum: 5 };
    assert.deepEqual(plan.fields, [{ ...expected, dtype: 'int64' }]);
    assert.deepEqual(nativeFields(plan), [{ ...expected, dtype: int64 }]);
    assert.deepEqual(planTensors({}, describedModel(ids)).fields, [
      { name: 'ids', dtype: 'int64', dims: null, minimum: 0, maximum: 9 },
    ]);
  });

  test('that cannot be is an error of the configuration', () => {
    const refusal = (input: object) => () =>
      planTensors({ inputs: [{ name: 'a', ...input }] }, describedModel(ids));
    assert.throws(refusal({ dtype: 'float32', minimum: 0 }), {
      code: 'INVALID_CONFIGURATION',
      message: 'inputs: "a" cannot be: its elements are float32, and bounds are for integers',
    });
    assert.throws(refusal({ minimum: 10 }), {
      code: 'INVALID_CONFIGURATION',
      message: 'inputs: "a" cannot be: its minimum 10 is above its maximum 9',
    });
  });
});

suite('an integer that is out of range', () => {
  test('is refused in raw bytes, with its place', () => {
    const inputs = [
      { name: 'x', dtype: 'float32', shape: [1] },
      { name: 'ids', dtype: 'int32', shape: [2, 2] },
    ] as const;
    const plan = planTensors({ inputs }, describedModel({ name: 'x', type: 'Tensor' }, ids));
    const rowsOf = (numbers: readonly number[]): Uint8Array =>
      Buffer.concat([
        new Uint8Array(new Float32Array([99, -99]).buffer),
        new Uint8Array(Int32Array.from(numbers).buffer),
      ]);
    assert.equal(readBinaryBody(plan, rowsOf([0, 1, 2, 3, 4, 5, 6, 9])).rows, 2);
    assert.throws(() => readBinaryBody(plan, rowsOf([0, 1, 2, 3, 4, 5, 10, 7])), {
      code: 'INVALID_REQUEST',
      message: 'field "ids"[1][1][0]: expected an integer from 0 to 9, found 10',
    });
  });

  test('is a mistake of the handler that gives it to the model', () => {
    const { fields } = planTensors({}, describedModel(ids));
    assert.equal(checkInputs(fields, Tensor.from([0, 9], 'int64', [1, 2])).rows, 1);
    assert.throws(
      () => checkInputs(fields, Tensor.from([0, 9, 3, 12], 'int64', [2, 2])),
      (error) =>
        error instanceof SconceError &&
        error.code === 'HANDLER_FAILED' &&
        error.reason === 'input "ids"[1][1]: an integer from 0 to 9 is expected; 12 was given',
    );
  });
});

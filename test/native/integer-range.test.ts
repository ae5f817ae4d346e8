import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { NativeField } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { dtypeCode } from '../../src/native/dtype.js';

/** Every dtype of integers, with what holds its elements. */
const integers = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
};

function bytesOf(dtype: keyof typeof integers, values: readonly number[]): Uint8Array {
  const array =
    dtype === 'int64' ? BigInt64Array.from(values, BigInt) : integers[dtype].from(values);
  return new Uint8Array(array.buffer);
}

function field(given: Partial<NativeField>): NativeField {
  return { name: 'ids', dtype: dtypeCode('int64'), dims: [-1], ...given };
}

function read(given: NativeField, body: string): void {
  new (addon().JsonReader)([given]).read(Buffer.from(body), new Int32Array(20));
}

suite('the first element that is out of range', () => {
  test('is found as JavaScript finds it, whatever the dtype', () => {
    const { findOutlier } = addon();
    const dtypes = fc.constantFrom('int8', 'int16', 'int32', 'int64', 'uint8');
    const small = fc.integer({ min: 0, max: 127 });
    fc.assert(
      fc.property(dtypes, fc.array(small), small, small, (dtype, values, minimum, maximum) => {
        const found = findOutlier(bytesOf(dtype, values), dtypeCode(dtype), minimum, maximum);
        const index = values.findIndex((value) => value < minimum || value > maximum);
        if (index < 0) assert.equal(found, undefined);
        else assert.deepEqual([found?.index, found?.value], [index, values[index]]);
      }),
    );
  });

  test('is found below a minimum alone, and above a maximum alone', () => {
    const { findOutlier } = addon();
    const bytes = bytesOf('int64', [3, -4, 5]);
    const dtype = dtypeCode('int64');
    assert.deepEqual(findOutlier(bytes, dtype, 0), {
      index: 1,
      value: -4,
      expected: 'an integer of at least 0',
    });
    assert.deepEqual(findOutlier(bytes, dtype, undefined, 4), {
      index: 2,
      value: 5,
      expected: 'an integer of at most 4',
    });
    assert.equal(findOutlier(bytes, dtype), undefined);
  });

  test('is found in bytes that are not aligned, and never in what is no integer', () => {
    const { findOutlier } = addon();
    const bytes = new Uint8Array(17);
    bytes.set(bytesOf('int64', [1, 9]), 1);
    assert.equal(findOutlier(bytes.subarray(1), dtypeCode('int64'), 0, 5)?.index, 1);
    assert.equal(findOutlier(bytes, dtypeCode('float32'), 0, 0), undefined);
    assert.equal(findOutlier(bytes, dtypeCode('float16'), 0, 0), undefined);
    assert.equal(findOutlier(new Uint8Array(0), dtypeCode('int8'), 0, 0), undefined);
  });

  test('cannot be asked for within bounds that are no numbers', () => {
    const { findOutlier } = addon();
    for (const bound of [Number.NaN, 0.5, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.throws(() => findOutlier(new Uint8Array(1), dtypeCode('uint8'), bound), {
        code: 'INTERNAL',
      });
    }
  });
});

suite('integers of JSON', () => {
  test('are read when they are within their bounds, themselves included', () => {
    read(field({ minimum: -2, maximum: 3 }), '[-2, 3, 0]');
    read(field({ minimum: -2 }), `[${2 ** 52}]`);
    read(field({ dims: [] }), '{"ids": 9007199254740993}');
  });

  test('are refused with their place, their bounds and what they are', () => {
    const refusals: [NativeField, string, string][] = [
      [
        field({ minimum: 0, maximum: 9 }),
        '[1, 10]',
        '[1]: expected an integer from 0 to 9, found 10',
      ],
      [
        field({ minimum: 0, maximum: 9, dims: [2, 2] }),
        '{"ids": [[1, 2], [3, -1]]}',
        '[1][1]: expected an integer from 0 to 9, found -1',
      ],
      [
        field({ minimum: 1, dims: [] }),
        '{"ids": 0}',
        ': expected an integer of at least 1, found 0',
      ],
      [
        field({ dtype: dtypeCode('uint8'), maximum: 4 }),
        '[4, 5]',
        '[1]: expected an integer of at most 4, found 5',
      ],
    ];
    for (const [given, body, message] of refusals) {
      assert.throws(() => read(given, body), {
        code: 'INVALID_REQUEST',
        message: `field "ids"${message}`,
      });
    }
  });

  test('do not bound what is no integer', () => {
    read(field({ dtype: dtypeCode('float32'), minimum: 0, maximum: 1 }), '[5.5]');
    read(field({ dtype: dtypeCode('bfloat16'), minimum: 0, maximum: 1 }), '[5.5]');
    read(field({ dtype: dtypeCode('bool'), minimum: 0, maximum: 0 }), '[true]');
  });
});

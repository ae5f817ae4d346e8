import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { type Dtype, dtypeSize, dtypes } from '../../../src/native/dtype.js';

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Small integers: every dtype but bool holds them exactly. */
const smallNumbers = (length: number) =>
  fc.array(fc.integer({ min: 0, max: 100 }), { minLength: length, maxLength: length });

const filled = shapes.chain((shape) =>
  smallNumbers(sizeOf(shape)).map((values) => ({ shape, values })),
);

const numericDtypes = dtypes.filter((dtype) => dtype !== 'bool');

suite('a tensor', () => {
  test('reads back the numbers it was made from, in every dtype and shape', () => {
    fc.assert(
      fc.property(filled, fc.constantFrom(...numericDtypes), ({ shape, values }, dtype) => {
        const tensor = Tensor.from(values, dtype, shape);
        assert.deepEqual([tensor.dtype, tensor.shape, tensor.size], [dtype, shape, values.length]);
        assert.deepEqual([...tensor.numbers()], values);
        assert.equal(tensor.bytes.byteLength, values.length * dtypeSize(dtype));
        if (!shape.includes(0)) {
          const nested = tensor.toArray();
          assert.deepEqual(Tensor.from(nested, dtype), tensor);
        }
      }),
    );
  });

  test('converts between any two dtypes', () => {
    for (const from of dtypes) {
      for (const to of dtypes) {
        const tensor = Tensor.from([0, 1, 1], from).to(to);
        assert.deepEqual([tensor.dtype, ...tensor.numbers()], [to, 0, 1, 1], `${from} to ${to}`);
      }
    }
  });

  test('finds parts and elements by their indices', () => {
    const tensor = Tensor.from([0, 1, 2, 3, 4, 5], 'int64', [1, 2, 3]);
    assert.equal(tensor.value(0, 1, 2), 5);
    assert.deepEqual(tensor.at(0, 1).toArray(), [3, 4, 5]);
    assert.deepEqual(tensor.at().shape, [1, 2, 3]);
    assert.equal(tensor.at(0, 0, 1).toArray(), 1);
    assert.deepEqual(tensor.reshape([3, 2]).toArray(), [
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  test('shares its memory with its parts, its bytes and its other shapes', () => {
    const tensor = Tensor.zeros('float32', [2, 3]);
    tensor.at(1).set([7, 8, 9]);
    tensor.reshape([6]).data[0] = 5;
    new Float32Array(tensor.bytes.buffer, tensor.bytes.byteOffset)[1] = 6;
    assert.deepEqual(tensor.toArray(), [
      [5, 6, 0],
      [7, 8, 9],
    ]);
  });

  test('lies over bytes of others, shared or not', () => {
    const memory = new SharedArrayBuffer(32);
    const tensor = Tensor.view('int32', [2], new Uint8Array(memory, 8, 8));
    tensor.set([1, 2]);
    assert.deepEqual([...new Int32Array(memory, 8, 2)], [1, 2]);
    assert.throws(() => Tensor.view('int32', [2], new Uint8Array(memory, 6, 8)), {
      name: 'RangeError',
      message: 'the bytes start at 6 of their buffer; int32 needs a multiple of 4',
    });
    assert.throws(() => Tensor.view('int32', [3], new Uint8Array(memory, 8, 8)), {
      name: 'RangeError',
      message: 'int32[3] takes 12 bytes; 8 were given',
    });
  });

  test('keeps an int64 exact', () => {
    const large = 2n ** 53n + 1n;
    const tensor = Tensor.from([large, -large], 'int64');
    assert.deepEqual([...tensor.data], [large, -large]);
    assert.deepEqual([...Tensor.zeros('int64', [2]).set(tensor).data], [large, -large]);
    assert.equal(tensor.value(0), 2 ** 53);
  });

  test('cuts fractions for integers and takes any number but 0 as true', () => {
    assert.deepEqual([...Tensor.from([1.9, -1.9], 'int32').data], [1, -1]);
    assert.deepEqual([...Tensor.from([1.9, -1.9], 'int64').data], [1n, -1n]);
    assert.deepEqual([...Tensor.from([0, 0.5, -3, Number.NaN], 'bool').data], [0, 1, 1, 1]);
  });

  test('is filled whole, or in part when an offset is given', () => {
    const tensor = Tensor.zeros('float32', [2, 2]);
    tensor.set([1, 2], 2).set(Uint8Array.of(9), 0);
    assert.deepEqual([...tensor.data], [9, 0, 1, 2]);
    assert.throws(() => tensor.set([1, 2]), /the shape \[2, 2\] has 4 elements; 2 were given/);
    assert.throws(
      () => tensor.set([1, 2], 3),
      /2 values from element 3 on do not fit float32\[2, 2\], which has 4/,
    );
    assert.throws(() => tensor.set([1], -1), RangeError);
    assert.throws(() => tensor.set([1], 0.5), RangeError);
  });
});

suite('what is no tensor', () => {
  const wrong: [what: string, make: () => unknown, message: RegExp][] = [
    ['a ragged list', () => Tensor.from([[1, 2], [3]]), /element \[1\] has the length 1; 2 is/],
    ['a list for a number', () => Tensor.from([1, [2]]), /element \[1\] is a list; a number is/],
    ['a number for a list', () => Tensor.from([[1], 2]), /element \[1\] is a number; a list of 1/],
    [
      'a text among numbers',
      () => Tensor.from(JSON.parse('[[1, "2"]]')),
      /element \[0\]\[1\] is a string; a number is expected/,
    ],
    ['nothing', () => Tensor.zeros('int8', [1]).set(JSON.parse('{}').a), /expected, not undefined/],
    ['a text', () => Tensor.from(JSON.parse('"1"')), /numbers are expected, not a string/],
    ['an object', () => Tensor.from(JSON.parse('{"a": 1}')), /numbers are expected, not Object/],
    ['null', () => Tensor.from(JSON.parse('[null]')), /element \[0\] is null/],
    ['a negative dimension', () => Tensor.zeros('int8', [-1]), /\[-1\] is no shape/],
    ['a broken dimension', () => Tensor.zeros('int8', [1.5]), /\[1\.5\] is no shape/],
    ['too many elements', () => Tensor.zeros('int8', [2 ** 40, 2 ** 40]), /is no shape/],
    ['too few elements', () => Tensor.from([1], 'int8', [2]), /\[2\] has 2 elements; 1 were given/],
    [
      'too few data',
      () => new Tensor('float32', [2], new Float32Array(1)),
      /\[2\] has 2 elements; 1 were given/,
    ],
    [
      'data of another dtype',
      () => new Tensor<Dtype>('float32', [1], new Int8Array(1)),
      /a float32 tensor holds a Float32Array, not Int8Array/,
    ],
    ['a NaN as int64', () => Tensor.from([Number.NaN], 'int64'), /NaN/],
    ['too many indices', () => Tensor.from([1]).at(0, 0), /has 1 dimensions; 2 indices/],
    ['too few indices', () => Tensor.from([1]).value(), /has 1 dimensions; 0 indices/],
    ['an index outside', () => Tensor.from([1]).at(1), /index 1 is outside dimension 0 of float32/],
    ['a negative index', () => Tensor.from([1]).value(-1), /index -1 is outside dimension 0/],
    ['a broken index', () => Tensor.from([1]).value(0.5), /index 0\.5 is outside dimension 0/],
    ['another size', () => Tensor.from([1]).reshape([2]), /\[2\] has 2 elements; 1 were given/],
  ];
  for (const [what, make, message] of wrong) {
    test(`${what} is refused`, () => {
      assert.throws(make, message);
    });
  }
});

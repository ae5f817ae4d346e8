import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { replyJson } from '../../../src/handlers/api/reply-json.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { createJsonWriter } from '../../../src/handlers/tensor/tensor-codec.js';
import { dtypeSize, dtypes } from '../../../src/native/dtype.js';

/** What the writer of the `tensor` handler makes of a tensor. */
function natively({ dtype, shape, bytes }: Tensor): string {
  const signature = { outputs: [{ dtype, dims: shape }], structure: 0 };
  return createJsonWriter(signature, null).write(bytes, 1, 0, 1, 0);
}

const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 3 }),
  })
  .chain(({ dtype, shape }) => {
    const size = shape.reduce((product, dim) => product * dim, dtypeSize(dtype));
    return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => {
      // A bool is 0 or 1.
      const given = dtype === 'bool' ? bytes.map((byte) => byte & 1) : bytes;
      return Tensor.view(dtype, shape, new Uint8Array(given));
    });
  });

suite('a reply as JSON', () => {
  test('has the form of json.dumps(value, indent=2)', () => {
    const value = {
      text: 'é"\\\n\u007f\u{1f600}\ud800',
      number: 1,
      fraction: 0.5,
      small: 1e-7,
      none: null,
      yes: true,
      list: [1, [], {}, [2]],
      nested: { a: { b: [] } },
    };
    assert.equal(
      replyJson(value),
      `{
  "text": "\\u00e9\\"\\\\\\n\\u007f\\ud83d\\ude00\\ud800",
  "number": 1,
  "fraction": 0.5,
  "small": 1e-7,
  "none": null,
  "yes": true,
  "list": [
    1,
    [],
    {},
    [
      2
    ]
  ],
  "nested": {
    "a": {
      "b": []
    }
  }
}`,
    );
  });

  test('is what JSON.stringify makes of ASCII values, indented', () => {
    const ascii = fc.jsonValue({ stringUnit: 'grapheme-ascii' });
    fc.assert(
      fc.property(ascii, (value) => {
        assert.equal(replyJson(value), JSON.stringify(value, null, 2));
      }),
    );
  });

  test('reads back as what it was written from', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary', noUnicodeString: false }), (value) => {
        assert.deepEqual(JSON.parse(replyJson(value)), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('writes tensors of any dtype and shape as the tensor handler does', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        assert.equal(replyJson(tensor), natively(tensor));
        const inner = natively(tensor).replaceAll('\n', '\n    ');
        assert.equal(replyJson({ a: [tensor] }), `{\n  "a": [\n    ${inner}\n  ]\n}`);
      }),
    );
  });

  test('writes floats as Python, plain numbers as JavaScript', () => {
    const values = [1, -0, 1e-5, 0.1, 1e16, 123456789, 1e22, 1e-7, Number.NaN, -1 / 0];
    assert.deepEqual(
      values.map((value) => replyJson(Tensor.from(value, 'float64'))),
      ['1.0', '-0.0', '1e-05', '0.1', '1e+16', '123456789.0', '1e+22', '1e-07', 'NaN', '-Infinity'],
    );
    assert.deepEqual(
      values.map((value) => replyJson(value)),
      [
        '1',
        '0',
        '0.00001',
        '0.1',
        '10000000000000000',
        '123456789',
        '1e+22',
        '1e-7',
        'NaN',
        '-Infinity',
      ],
    );
    assert.equal(replyJson(Tensor.from(0.1)), '0.10000000149011612');
  });

  test('takes typed arrays as lists', () => {
    assert.equal(
      replyJson({ a: Float32Array.of(1, 0.5) }),
      '{\n  "a": [\n    1.0,\n    0.5\n  ]\n}',
    );
    assert.equal(replyJson([Uint8Array.of(1)]), '[\n  [\n    1\n  ]\n]');
    assert.equal(replyJson(BigInt64Array.of(2n ** 60n)), '[\n  1152921504606846976\n]');
    assert.equal(replyJson(new Uint32Array(0)), '[]');
  });

  test('keeps the order of a Map, whose keys may be numbers', () => {
    const map = new Map<string | number, unknown>([
      [10, 1],
      [2, 2],
      ['__proto__', 3],
    ]);
    assert.equal(replyJson(map), '{\n  "10": 1,\n  "2": 2,\n  "__proto__": 3\n}');
  });

  test('takes what toJSON() returns', () => {
    assert.equal(replyJson([new Date(0)]), '[\n  "1970-01-01T00:00:00.000Z"\n]');
  });

  test('may hold a value twice', () => {
    const twice = [1];
    assert.equal(replyJson([twice, twice]), '[\n  [\n    1\n  ],\n  [\n    1\n  ]\n]');
  });
});

suite('a reply that is no JSON', () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = [cyclic];
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i += 1) deep = [deep];
  const endless = { toJSON: () => endless };

  const wrong: [what: string, value: unknown, message: RegExp][] = [
    ['undefined', undefined, /: reply is undefined; use null, or leave it out$/],
    ['an undefined field', { a: { b: undefined } }, /: reply\.a\.b is undefined;/],
    ['a hole in a list', { a: new Array(1) }, /: reply\.a\[0\] is undefined;/],
    ['a bigint', [{ 'a b': 1n }], /: reply\[0\]\["a b"\] is a bigint; convert it with Number\(\)/],
    ['a function', { f() {} }, /: reply\.f is a function$/],
    ['a symbol', [Symbol('s')], /: reply\[0\] is a symbol$/],
    ['a promise', { a: Promise.resolve() }, /: reply\.a is a promise; await it first$/],
    ['a set', [new Set()], /: reply\[0\] is a Set; make a list of it$/],
    ['a buffer without elements', new ArrayBuffer(1), /: reply is a ArrayBuffer; make a typed/],
    ['a data view', new DataView(new ArrayBuffer(1)), /: reply is a DataView; make a typed array/],
    ['a value that holds itself', cyclic, /: reply\.self\[0\] is a value that holds itself$/],
    ['what goes on for ever', endless, /holds itself/],
    ['a value nested too deep', deep, /nested more than 1000 deep/],
    ['an odd key of a Map', new Map([[{}, 1]]), /a Map with a key that is object; use strings$/],
  ];
  for (const [what, value, message] of wrong) {
    test(`${what} is refused with its place`, () => {
      assert.throws(() => replyJson(value), { code: 'INVALID_OUTPUT', message });
    });
  }
});

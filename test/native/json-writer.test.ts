import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type OutputStructure, type RequestForm, requestForms } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { type Dtype, dtypeCode } from '../../src/native/dtype.js';

interface Output {
  dtype: Dtype;
  dims: number[];
  /** All rows of a batch. */
  data: ArrayBufferView;
}

interface WriteOptions {
  structure?: OutputStructure;
  names?: string[] | null;
  batchRows?: number;
  firstRow?: number;
  rows?: number;
  form?: RequestForm;
}

function writer(outputs: Output[], { structure = 0, names = null }: WriteOptions = {}) {
  return new (addon().JsonWriter)(
    outputs.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims })),
    structure,
    names,
  );
}

/** The outputs one after the other in shared memory, each on a multiple of 64 bytes. */
function blockOf(outputs: Output[]): Uint8Array {
  const parts = outputs.map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  const aligned = (size: number) => Math.ceil(size / 64) * 64;
  const total = parts.reduce((sum, part) => sum + aligned(part.length), 0);
  const block = new Uint8Array(new SharedArrayBuffer(total));
  let offset = 0;
  for (const part of parts) {
    block.set(part, offset);
    offset += aligned(part.length);
  }
  return block;
}

function write(outputs: Output[], options: WriteOptions = {}): string {
  const { batchRows = 1, firstRow = 0, rows = 1, form = 'named' } = options;
  return writer(outputs, options).write(
    blockOf(outputs),
    batchRows,
    firstRow,
    rows,
    requestForms.indexOf(form),
  );
}

function vector(dtype: Dtype, data: ArrayBufferView & { length: number }): Output {
  return { dtype, dims: [data.length], data };
}

/** Python's repr of a float: the digits of JavaScript in another notation. */
function pythonFloat(number: number): string {
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number < 0 ? '-Infinity' : 'Infinity';
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0';
  const [mantissa = '', power = ''] = number.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const magnitude = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`;
  }
  const sign = number < 0 ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function pythonList(texts: string[]): string {
  return texts.length === 0 ? '[]' : `[\n${texts.map((text) => `  ${text}`).join(',\n')}\n]`;
}

suite('numbers, as Python writes them', () => {
  test('doubles', () => {
    const values = [
      ...[0, -0, 1, -1, 0.1, 1e-4, 0.00012345, 1e-5, 1.5e-5, 1e15, 123456789012345, 1e16],
      ...[1.2345e16, 9999999999999998, 1e17, 1e22, 1.7976931348623157e308, 5e-324],
      ...[2.2250738585072014e-308, 123.456, 1e100, 1e-100],
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      ...[1 / 3, 100, 12345678.9, 9007199254740992],
    ];
    assert.equal(
      write([vector('float64', Float64Array.from(values))]),
      '[\n  0.0,\n  -0.0,\n  1.0,\n  -1.0,\n  0.1,\n  0.0001,\n  0.00012345,\n  1e-05,\n  1.5e-05,\n  1000000000000000.0,\n  123456789012345.0,\n  1e+16,\n  1.2345e+16,\n  9999999999999998.0,\n  1e+17,\n  1e+22,\n  1.7976931348623157e+308,\n  5e-324,\n  2.2250738585072014e-308,\n  123.456,\n  1e+100,\n  1e-100,\n  NaN,\n  Infinity,\n  -Infinity,\n  0.3333333333333333,\n  100.0,\n  12345678.9,\n  9007199254740992.0\n]',
    );
  });

  test('floats, with the digits of the double they convert to', () => {
    const values = Float32Array.of(0.1, 1 / 3, 1e-5, 3.4028234e38, 1e-45, 16777216, 0.5);
    assert.equal(
      write([vector('float32', values)]),
      '[\n  0.10000000149011612,\n  0.3333333432674408,\n  9.999999747378752e-06,\n  3.4028234663852886e+38,\n  1.401298464324817e-45,\n  16777216.0,\n  0.5\n]',
    );
  });

  test('every float16', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const expected = Array.from(bits, (half) => {
      const sign = half & 0x8000 ? -1 : 1;
      const exponent = (half >> 10) & 0x1f;
      const mantissa = half & 0x3ff;
      if (exponent === 31)
        return pythonFloat(mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY);
      if (exponent === 0) return pythonFloat(sign * mantissa * 2 ** -24);
      return pythonFloat(sign * (1024 + mantissa) * 2 ** (exponent - 25));
    });
    assert.equal(write([vector('float16', bits)]), pythonList(expected));
  });

  test('every bfloat16', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const floats = new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
    assert.equal(
      write([vector('bfloat16', bits)]),
      pythonList(Array.from(floats, (value) => pythonFloat(value))),
    );
  });

  test('integers and bools', () => {
    const extremes = BigInt64Array.of(-9223372036854775808n, 9223372036854775807n);
    assert.equal(
      write([vector('int64', extremes)]),
      '[\n  -9223372036854775808,\n  9223372036854775807\n]',
    );
    assert.equal(
      write([vector('int32', Int32Array.of(-2147483648, 0))]),
      '[\n  -2147483648,\n  0\n]',
    );
    assert.equal(write([vector('int16', Int16Array.of(-32768, 7))]), '[\n  -32768,\n  7\n]');
    assert.equal(write([vector('int8', Int8Array.of(-128, 127))]), '[\n  -128,\n  127\n]');
    assert.equal(write([vector('uint8', Uint8Array.of(0, 255))]), '[\n  0,\n  255\n]');
    assert.equal(write([vector('bool', Uint8Array.of(0, 1))]), '[\n  false,\n  true\n]');
  });

  test('random doubles', () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { minLength: 1 }), (values) => {
        const text = write([vector('float64', Float64Array.from(values))]);
        assert.equal(text, pythonList(values.map(pythonFloat)));
      }),
      { numRuns: 1000 },
    );
  });

  test('random floats', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1 }), (values) => {
        assert.equal(
          write([vector('float32', values)]),
          pythonList(Array.from(values, pythonFloat)),
        );
      }),
      { numRuns: 1000 },
    );
  });
});

suite('rows', () => {
  const matrix: Output = {
    dtype: 'int64',
    dims: [2, 2],
    data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n),
  };
  const rowText = '[\n  [\n    5,\n    6\n  ],\n  [\n    7,\n    8\n  ]\n]';

  test('one row stands by itself', () => {
    for (const form of ['named', 'bare'] as const) {
      assert.equal(write([matrix], { batchRows: 2, firstRow: 1, form }), rowText);
    }
  });

  test('several rows of a named request are a list', () => {
    assert.equal(
      write([matrix], { batchRows: 2, rows: 2 }),
      '[\n  [\n    [\n      1,\n      2\n    ],\n    [\n      3,\n      4\n    ]\n  ],\n  [\n    [\n      5,\n      6\n    ],\n    [\n      7,\n      8\n    ]\n  ]\n]',
    );
  });

  test('a scalar row is a scalar', () => {
    const scalars: Output = { dtype: 'float32', dims: [], data: Float32Array.of(1, 2, 3) };
    const options = { batchRows: 3, firstRow: 1 };
    assert.equal(write([scalars], options), '2.0');
    assert.equal(
      write([scalars], { ...options, rows: 2, form: 'instances' }),
      '{\n  "predictions": [\n    2.0,\n    3.0\n  ]\n}',
    );
    assert.equal(
      write([scalars], { ...options, rows: 2, form: 'inputs' }),
      '{\n  "outputs": [\n    2.0,\n    3.0\n  ]\n}',
    );
  });

  test('empty dimensions are empty lists', () => {
    const data = new Float32Array(0);
    assert.equal(write([{ dtype: 'float32', dims: [0], data }]), '[]');
    assert.equal(write([{ dtype: 'float32', dims: [2, 0], data }]), '[\n  [],\n  []\n]');
    assert.equal(write([{ dtype: 'float32', dims: [0, 2], data }]), '[]');
  });

  test('no rows are an empty list', () => {
    assert.equal(write([matrix], { batchRows: 2, rows: 0 }), '[]');
    assert.equal(
      write([matrix], { batchRows: 2, rows: 0, form: 'instances' }),
      '{\n  "predictions": []\n}',
    );
  });
});

suite('structures', () => {
  const boxes: Output = { dtype: 'float32', dims: [1, 2], data: Float32Array.of(0.5, 1, 2, 3) };
  const labels: Output = { dtype: 'int64', dims: [1], data: BigInt64Array.of(1n, 2n) };
  const outputs = [boxes, labels];
  const rowsText =
    '{\n  "predictions": [\n    {\n      "boxes": [\n        [\n          0.5,\n          1.0\n        ]\n      ],\n      "labels": [\n        1\n      ]\n    },\n    {\n      "boxes": [\n        [\n          2.0,\n          3.0\n        ]\n      ],\n      "labels": [\n        2\n      ]\n    }\n  ]\n}';
  const columnsText =
    '{\n  "outputs": {\n    "boxes": [\n      [\n        [\n          0.5,\n          1.0\n        ]\n      ],\n      [\n        [\n          2.0,\n          3.0\n        ]\n      ]\n    ],\n    "labels": [\n      [\n        1\n      ],\n      [\n        2\n      ]\n    ]\n  }\n}';
  const both = { batchRows: 2, rows: 2 };

  test('fields are objects by their keys, whatever the names', () => {
    const structure: OutputStructure = {
      fields: [
        ['boxes', 0],
        ['labels', 1],
      ],
    };
    for (const names of [null, ['x', 'y', 'z']]) {
      assert.equal(write(outputs, { ...both, structure, names, form: 'instances' }), rowsText);
      assert.equal(write(outputs, { ...both, structure, names, form: 'inputs' }), columnsText);
    }
  });

  test('a list with names reads as fields do', () => {
    const options = { ...both, structure: { list: [0, 1] }, names: ['boxes', 'labels'] };
    assert.equal(write(outputs, { ...options, form: 'instances' }), rowsText);
    assert.equal(write(outputs, { ...options, form: 'inputs' }), columnsText);
  });

  test('a list without names is a list, and numbered columns', () => {
    const structure = { list: [1, 0] };
    assert.equal(
      write(outputs, { batchRows: 2, firstRow: 1, structure }),
      '[\n  [\n    2\n  ],\n  [\n    [\n      2.0,\n      3.0\n    ]\n  ]\n]',
    );
    assert.deepEqual(JSON.parse(write(outputs, { ...both, structure, form: 'inputs' })), {
      outputs: { output_0: [[1], [2]], output_1: [[[0.5, 1]], [[2, 3]]] },
    });
  });

  test('a name puts a single tensor into an object, but not its columns', () => {
    const options = { batchRows: 2, rows: 1, names: ['label'] };
    assert.equal(write([labels], options), '{\n  "label": [\n    1\n  ]\n}');
    assert.equal(
      write([labels], { ...options, form: 'inputs' }),
      '{\n  "outputs": [\n    [\n      1\n    ]\n  ]\n}',
    );
  });

  test('nested structures stay nested', () => {
    const structure: OutputStructure = { list: [0, { fields: [['l', { list: [1, 1] }]] }] };
    assert.deepEqual(JSON.parse(write(outputs, { ...both, structure, form: 'instances' })), {
      predictions: [
        [[[0.5, 1]], { l: [[1], [1]] }],
        [[[2, 3]], { l: [[2], [2]] }],
      ],
    });
    assert.deepEqual(
      JSON.parse(write(outputs, { ...both, structure, names: ['a', 'b'], form: 'inputs' })),
      {
        outputs: {
          a: [[[0.5, 1]], [[2, 3]]],
          b: {
            l: [
              [[1], [2]],
              [[1], [2]],
            ],
          },
        },
      },
    );
  });

  test('empty structures are empty', () => {
    assert.equal(write([], { structure: { list: [] } }), '[]');
    assert.equal(write([], { structure: { fields: [] } }), '{}');
  });

  test('keys are escaped as Python escapes them', () => {
    assert.equal(
      write([{ dtype: 'uint8', dims: [], data: Uint8Array.of(1) }], {
        structure: { fields: [['a"b\\\n\t\b\f\r\u0001\u007f/é€😀', 0]] },
      }),
      '{\n  "a\\"b\\\\\\n\\t\\b\\f\\r\\u0001\\u007f/\\u00e9\\u20ac\\ud83d\\ude00": 1\n}',
    );
  });
});

suite('bounds', () => {
  const outputs: Output[] = [
    { dtype: 'float32', dims: [2], data: new Float32Array(4) },
    { dtype: 'int8', dims: [], data: new Int8Array(2) },
  ];
  const native = () => writer(outputs, { structure: { list: [0, 1] } });

  test('rows outside the batch are refused', () => {
    for (const [batchRows, firstRow, rows] of [
      [2, 0, 3],
      [2, 2, 1],
      [2, 3, 0],
      [2, -1, 1],
      [-1, 0, 0],
      [2, 0.5, 1],
      [2, Number.NaN, 1],
    ] as const) {
      assert.throws(() => native().write(blockOf(outputs), batchRows, firstRow, rows, 0), {
        code: 'INTERNAL',
      });
    }
  });

  test('a block that is too small is refused, without overflow', () => {
    const exact = new Uint8Array(66);
    assert.equal(native().write(exact, 2, 0, 0, 0), '[]');
    assert.throws(() => native().write(exact.subarray(1), 2, 0, 0, 0), { code: 'INTERNAL' });
    assert.throws(() => native().write(exact, Number.MAX_SAFE_INTEGER, 0, 1, 0), {
      code: 'INTERNAL',
    });
    const huge: Output = { dtype: 'float64', dims: [2 ** 40, 2 ** 40], data: new Uint8Array(0) };
    assert.throws(() => writer([huge]), { code: 'INTERNAL' });
  });

  test('an unknown form is refused', () => {
    for (const form of [-1, 4, 0.5]) {
      assert.throws(() => native().write(blockOf(outputs), 2, 0, 1, form), { code: 'INTERNAL' });
    }
  });

  test('structures and names that do not fit are refused', () => {
    let deep: OutputStructure = 0;
    for (let i = 0; i < 5; i++) deep = { list: [deep] };
    for (const structure of [2, -1, 0.5, { list: [0, 2] }, deep]) {
      assert.throws(() => writer(outputs, { structure }), { code: 'INTERNAL' });
    }
    assert.throws(() => writer(outputs, { names: ['a', 'b'] }), { code: 'INTERNAL' });
    assert.throws(() => writer(outputs, { structure: { list: [0, 1] }, names: ['a'] }), {
      code: 'INTERNAL',
    });
    const negative: Output = { dtype: 'int8', dims: [-1], data: new Int8Array(0) };
    assert.throws(() => writer([negative]), { code: 'INTERNAL' });
  });
});

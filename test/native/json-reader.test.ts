import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import type { NativeField, NativeJsonReader } from '../../src/native/addon.js';
import { requestForms } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { type Dtype, dtypeCode, dtypeOf, dtypeSize } from '../../src/native/dtype.js';

const maxRank = 16;

interface ReadField {
  dims: number[];
  values: (number | bigint)[];
}

interface ReadRequest {
  form: string | undefined;
  rows: number;
  fields: ReadField[];
}

function field(name: string, dtype: Dtype, dims: number[] | null): NativeField {
  return { name, dtype: dtypeCode(dtype), dims };
}

function reader(...fields: NativeField[]): NativeJsonReader {
  return new (addon().JsonReader)(fields);
}

/** Elements as numbers; the halves as their bits. */
function decode(dtype: Dtype, buffer: SharedArrayBuffer, offset: number, count: number) {
  switch (dtype) {
    case 'float32':
      return [...new Float32Array(buffer, offset, count)];
    case 'float64':
      return [...new Float64Array(buffer, offset, count)];
    case 'float16':
    case 'bfloat16':
      return [...new Uint16Array(buffer, offset, count)];
    case 'int8':
      return [...new Int8Array(buffer, offset, count)];
    case 'int16':
      return [...new Int16Array(buffer, offset, count)];
    case 'int32':
      return [...new Int32Array(buffer, offset, count)];
    case 'int64':
      return [...new BigInt64Array(buffer, offset, count)];
    case 'uint8':
    case 'bool':
      return [...new Uint8Array(buffer, offset, count)];
  }
}

/** Reads a body and stores every field into shared memory, each on a multiple of 64 bytes. */
function readWith(
  native: NativeJsonReader,
  fields: NativeField[],
  body: string | Uint8Array,
): ReadRequest {
  const summary = new Int32Array(new SharedArrayBuffer(4 * (2 + fields.length * (1 + maxRank))));
  native.read(typeof body === 'string' ? new TextEncoder().encode(body) : body, summary);
  const [form = -1, rows = -1] = summary;
  let at = 2;
  let end = 0;
  const shapes = fields.map(({ dtype }) => {
    const rank = summary[at] ?? -1;
    const dims = [...summary.subarray(at + 1, at + 1 + rank)];
    at += 1 + rank;
    const offset = end;
    const count = dims.reduce((product, dim) => product * dim, rows);
    end += Math.ceil((count * dtypeSize(dtypeOf(dtype))) / 64) * 64;
    return { dims, offset, count, dtype: dtypeOf(dtype) };
  });
  const buffer = new SharedArrayBuffer(end);
  native.store(
    new Uint8Array(buffer),
    Float64Array.from(shapes, ({ offset }) => offset),
  );
  return {
    form: requestForms[form],
    rows,
    fields: shapes.map(({ dims, offset, count, dtype }) => ({
      dims,
      values: decode(dtype, buffer, offset, count),
    })),
  };
}

function read(fields: NativeField[], body: string | Uint8Array): ReadRequest {
  return readWith(reader(...fields), fields, body);
}

/** Asserts that a body is refused with exactly this message. */
function refuses(fields: NativeField[], body: string | Uint8Array, message: string) {
  assert.throws(() => read(fields, body), { code: 'INVALID_REQUEST', message });
}

function one(form: string, rows: number, dims: number[], values: (number | bigint)[]): ReadRequest {
  return { form, rows, fields: [{ dims, values }] };
}

const features = [field('features', 'float32', [3])];
const anyRank = [field('x', 'float32', null)];
const pair = [field('a', 'float32', [2]), field('b', 'bool', [])];

suite('forms of a request', () => {
  test('a named object is one row', () => {
    assert.deepEqual(
      read(features, '{"features":[1,2.5,-3e0]}'),
      one('named', 1, [3], [1, 2.5, -3]),
    );
  });

  test('unknown keys are ignored', () => {
    const body = '{"id":{"k":[null,"\\u0041",-1.5e-3,{}]},"features":[1,2,3],"s":"x","t":true}';
    assert.deepEqual(read(features, body), one('named', 1, [3], [1, 2, 3]));
  });

  test('a bare array or scalar is one row of a model with one field', () => {
    assert.deepEqual(read(features, ' [1, 2, 3]\n'), one('bare', 1, [3], [1, 2, 3]));
    assert.deepEqual(read(anyRank, ' 5 '), one('bare', 1, [], [5]));
    assert.deepEqual(read([field('x', 'bool', [])], 'true'), one('bare', 1, [], [1]));
  });

  test('instances are rows, named or bare', () => {
    assert.deepEqual(
      read(features, '{"instances":[{"features":[1,2,3]},[4,5,6]]}'),
      one('instances', 2, [3], [1, 2, 3, 4, 5, 6]),
    );
    assert.deepEqual(read(pair, '{"instances":[{"a":[1,2],"b":true},{"b":false,"a":[3,4]}]}'), {
      form: 'instances',
      rows: 2,
      fields: [
        { dims: [2], values: [1, 2, 3, 4] },
        { dims: [], values: [1, 0] },
      ],
    });
  });

  test('inputs are columns, with or without the name of a single field', () => {
    const expected = one('inputs', 2, [3], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(read(features, '{"inputs":[[1,2,3],[4,5,6]]}'), expected);
    assert.deepEqual(read(features, '{"inputs":{"features":[[1,2,3],[4,5,6]]}}'), expected);
    assert.deepEqual(read(pair, '{"inputs":{"a":[[1,2],[3,4]],"b":[true,false]}}'), {
      form: 'inputs',
      rows: 2,
      fields: [
        { dims: [2], values: [1, 2, 3, 4] },
        { dims: [], values: [1, 0] },
      ],
    });
  });

  test('a field may be called instances or inputs', () => {
    for (const name of ['instances', 'inputs']) {
      assert.deepEqual(
        read([field(name, 'float32', [2])], `{"${name}":[1,2]}`),
        one('named', 1, [2], [1, 2]),
      );
    }
  });

  test('a field beside instances wins, in either order', () => {
    const expected = one('named', 1, [3], [1, 2, 3]);
    assert.deepEqual(read(features, '{"instances":7,"features":[1,2,3]}'), expected);
    assert.deepEqual(read(features, '{"features":[1,2,3],"instances":[[4,5,6]]}'), expected);
  });

  test('the last of equal keys wins, whatever the others hold', () => {
    const expected = [1, 2, 3];
    assert.deepEqual(
      read(features, '{"features":["x",9],"features":[1,2,3]}'),
      one('named', 1, [3], expected),
    );
    assert.deepEqual(
      read(features, '{"instances":[{"features":[9],"features":[1,2,3]}]}'),
      one('instances', 1, [3], expected),
    );
    assert.deepEqual(
      read(features, '{"inputs":0,"inputs":{"features":[],"features":[[1,2,3]]}}'),
      one('inputs', 1, [3], expected),
    );
  });

  test('keys may be escaped', () => {
    assert.deepEqual(
      read([field('é😀', 'float32', [1])], '{"\\u00e9\\ud83d\\ude00":[1]}'),
      one('named', 1, [1], [1]),
    );
  });

  test('a byte order mark is passed over', () => {
    assert.deepEqual(read(anyRank, '\ufeff[1]'), one('bare', 1, [1], [1]));
  });
});

suite('shapes', () => {
  test('the first row settles sizes that are not declared', () => {
    assert.deepEqual(
      read([field('x', 'int64', [-1, 2])], '[[1,2],[3,4],[5,6]]'),
      one('bare', 1, [3, 2], [1n, 2n, 3n, 4n, 5n, 6n]),
    );
    assert.deepEqual(read(anyRank, '[ [ [1], [2] ] ]'), one('bare', 1, [1, 2, 1], [1, 2]));
    assert.deepEqual(read([field('x', 'int64', [-1])], '[]'), one('bare', 1, [0], []));
    refuses(
      anyRank,
      '{"instances":[[1],[1,2]]}',
      'instances[1] (field "x"): expected 1 value as before, found 2',
    );
    refuses(
      anyRank,
      '{"inputs":[[1],1]}',
      'inputs[1] (field "x"): expected an array of 1 value, found a number',
    );
  });

  test('a wrong size names the field, the position and both sizes', () => {
    refuses(features, '{"features":[1,2]}', 'field "features": expected 3 values, found 2');
    refuses(features, '[1,2,3,4,5]', 'field "features": expected 3 values, found 5');
    refuses(
      features,
      '{"instances":[[1,2,3],[1,2,3],{"features":[1,2]}]}',
      'instances[2].features: expected 3 values, found 2',
    );
    refuses(
      [field('x', 'float32', [2, 2])],
      '{"x":[[1,2]]}',
      'field "x": expected 2 arrays, found 1',
    );
  });

  test('ragged and wrongly nested arrays are refused', () => {
    refuses(anyRank, '[[1,2],[3]]', 'field "x"[1]: expected 2 values as before, found 1');
    refuses(anyRank, '[[1,2],3]', 'field "x"[1]: expected an array of 2 values, found a number');
    refuses(anyRank, '[1,[2]]', 'field "x"[1]: expected a number, found an array');
    refuses(features, '[[1,2,3]]', 'field "features"[0]: expected a number, found an array');
    refuses(
      features,
      '{"features":1}',
      'field "features": expected an array of 3 values, found a number',
    );
    refuses([field('x', 'int8', [])], '[1]', 'field "x": expected an integer, found an array');
  });

  test('an empty array of unknown shape is refused', () => {
    refuses(anyRank, '[]', 'field "x": an empty array has no shape');
    refuses(anyRank, '{"x":[[ ]]}', 'field "x"[0]: an empty array has no shape');
    refuses([field('x', 'float32', [-1, -1])], '[]', 'field "x": an empty array has no shape');
  });

  test('a request without rows is refused', () => {
    refuses(
      features,
      '{"instances":[]}',
      'instances: expected at least one row, found an empty array',
    );
    refuses(
      features,
      '{"inputs":{"features":[]}}',
      'inputs.features: expected at least one row, found an empty array',
    );
  });

  test('columns of different lengths are refused', () => {
    refuses(
      pair,
      '{"inputs":{"a":[[1,2],[3,4]],"b":[true]}}',
      'inputs.b: expected 2 rows as in the other fields, found 1',
    );
  });

  test('more than 16 dimensions are refused', () => {
    const nested = `${'['.repeat(17)}1${']'.repeat(17)}`;
    refuses(anyRank, nested, 'field "x": more than 16 dimensions');
  });
});

suite('elements', () => {
  test('integers cover exactly the range of their dtype', () => {
    const ranges: [Dtype, bigint, bigint][] = [
      ['int8', -128n, 127n],
      ['int16', -32768n, 32767n],
      ['int32', -2147483648n, 2147483647n],
      ['int64', -9223372036854775808n, 9223372036854775807n],
      ['uint8', 0n, 255n],
    ];
    for (const [dtype, low, high] of ranges) {
      const fields = [field('x', dtype, [2])];
      const values = read(fields, `[${low},${high}]`).fields.flatMap((read) => read.values);
      assert.deepEqual(values.map(BigInt), [low, high]);
      for (const beyond of [low - 1n, high + 1n]) {
        refuses(fields, `[0,${beyond}]`, `field "x"[1]: ${beyond} is out of range for ${dtype}`);
      }
    }
  });

  test('an integer field takes no fraction, exponent or other type', () => {
    const fields = [field('x', 'int32', null)];
    refuses(fields, '[1.0]', 'field "x"[0]: expected an integer, found 1.0');
    refuses(fields, '[1e2]', 'field "x"[0]: expected an integer, found 1e2');
    refuses(fields, '[true]', 'field "x"[0]: expected an integer, found true');
  });

  test('a bool field takes true and false only', () => {
    const fields = [field('x', 'bool', null)];
    assert.deepEqual(read(fields, '[true,false]'), one('bare', 1, [2], [1, 0]));
    refuses(fields, '[1]', 'field "x"[0]: expected true or false, found 1');
    refuses(fields, '["true"]', 'field "x"[0]: expected true or false, found a string');
  });

  test('a float field takes numbers only', () => {
    for (const [text, found] of [
      ['"1"', 'a string'],
      ['null', 'null'],
      ['true', 'true'],
      ['{}', 'an object'],
      ['[1]', 'an array'],
    ]) {
      refuses(
        features,
        `{"features":[1,2,${text}]}`,
        `field "features"[2]: expected a number, found ${found}`,
      );
    }
  });

  test('NaN and the infinities are named, with their place', () => {
    for (const literal of ['NaN', 'Infinity', '-Infinity']) {
      const what = `${literal} is not valid JSON; a number must be finite`;
      refuses(features, `{"features":[1,${literal},3]}`, `field "features"[1]: ${what}`);
      refuses(
        features,
        `{"instances":[[1,2,3],${literal}]}`,
        `instances[1] (field "features"): ${what}`,
      );
      refuses(
        features,
        `{"id":[${literal}],"features":[1,2,3]}`,
        `the body is not valid JSON at byte 7: ${what}`,
      );
    }
  });

  test('floats round to the nearest and refuse what overflows', () => {
    assert.deepEqual(read(anyRank, '[0.1,1e-400,-0,16777217]').fields[0]?.values, [
      Math.fround(0.1),
      0,
      -0,
      16777216,
    ]);
    refuses(anyRank, '[1e39]', 'field "x"[0]: 1e39 is out of range for float32');
    refuses(
      [field('x', 'float64', null)],
      '[1e400]',
      'field "x"[0]: 1e400 is out of range for float64',
    );
  });

  test('halves round to the nearest even and refuse what overflows', () => {
    const half = [field('x', 'float16', null)];
    const body =
      '[1, -2, 65504, 65519.99, 2049, 2051, 5.960464477539063e-8, 2.9e-8, 3e-8, 1e-9, 6.1e-5]';
    assert.deepEqual(
      read(half, body).fields[0]?.values,
      [0x3c00, 0xc000, 0x7bff, 0x7bff, 0x6800, 0x6802, 1, 0, 1, 0, 0x3ff],
    );
    refuses(half, '[65520]', 'field "x"[0]: 65520 is out of range for float16');
    const brain = [field('x', 'bfloat16', null)];
    assert.deepEqual(
      read(brain, '[1,-2,257,259,3.3895e38]').fields[0]?.values,
      [0x3f80, 0xc000, 0x4380, 0x4382, 0x7f7f],
    );
    refuses(brain, '[3.4e38]', 'field "x"[0]: 3.4e38 is out of range for bfloat16');
  });
});

suite('refusals', () => {
  test('a missing field names what is there instead', () => {
    refuses(
      features,
      '{"feature":[1,2,3]}',
      'field "features" is missing; the request has "feature"',
    );
    refuses(features, '{}', 'field "features" is missing; the request is an empty object');
    refuses(
      pair,
      '{"instances":[{"a":[1,2]}]}',
      'instances[0]: field "b" is missing; the row has "a"',
    );
    refuses(pair, '{"inputs":{"b":[true]}}', 'inputs: field "a" is missing; it has "b"');
    refuses(
      features,
      '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}',
      'field "features" is missing; the request has "a", "b", "c", "d", "e", ...',
    );
  });

  test('instances and inputs together are refused', () => {
    refuses(
      features,
      '{"instances":[1],"inputs":[1]}',
      'the request has "instances" and "inputs"; send one of them',
    );
  });

  test('a bare value is refused when the model has several fields', () => {
    refuses(pair, '[1]', 'expected an object with the fields, found an array');
    refuses(pair, '1', 'expected an object or an array, found a number');
    refuses(
      pair,
      '{"instances":[[1]]}',
      'instances[0]: expected an object with the fields, found an array',
    );
  });

  test('text that is not JSON is refused with the byte offset', () => {
    const place = 'the body is not valid JSON at byte';
    refuses(features, '', 'the body is empty; expected JSON');
    refuses(features, ' ', `${place} 1: expected a value, found the end of the body`);
    refuses(features, 'features=1', `${place} 0: expected a value, found "features"`);
    refuses(
      features,
      '{"features":[1,2,3]',
      `${place} 19: expected "," or "}", found the end of the body`,
    );
    refuses(features, '{"features":[1,2,3}', `${place} 18: expected "," or "]", found "}"`);
    refuses(
      features,
      '{"features":[1,2,3]} x',
      `${place} 21: expected nothing after the document, found "x"`,
    );
    refuses(features, '[1,2,3]]', `${place} 7: expected nothing after the document, found "]"`);
    refuses(features, '[1,,3]', `${place} 3: expected a value, found ","`);
    refuses(features, '[1,2,3,]', `${place} 7: expected a value, found "]"`);
    refuses(features, '[01,2,3]', `${place} 1: expected a value, found "01"`);
    refuses(features, '[1 2,3]', `${place} 3: expected "," or "]", found "2"`);
    refuses(
      features,
      "{'features':[1,2,3]}",
      `${place} 1: expected a key in double quotes, found "'"`,
    );
    refuses(features, '{"features" [1,2,3]}', `${place} 12: expected ":", found "["`);
    refuses(features, '{"x":"a\nb"}', `${place} 7: a string holds an unescaped control character`);
    refuses(
      features,
      '{"features":[1,2,3],"x":"\\q"}',
      `${place} 25: a string holds an invalid escape`,
    );
    refuses(features, '{"features":[1,2,3],"x":nul}', `${place} 24: expected a value, found "nul"`);
    refuses(features, '"x', `${place} 2: a string is not closed`);
  });

  test('an ignored string that a colon follows is no key', () => {
    refuses(
      features,
      '{"features":[1,2,3],"x":"y":[1]}',
      'the body is not valid JSON at byte 27: expected "," or "}", found ":"',
    );
  });

  test('a top-level string or null is refused', () => {
    refuses(features, '"x"', 'expected an object or an array, found a string');
    refuses(features, 'null', 'expected an object or an array, found null');
  });

  test('text that is not UTF-8 is refused', () => {
    const body = new TextEncoder().encode('{"features":[1,2,3],"x":"?"}');
    for (const byte of [0x80, 0xc0, 0xff]) {
      body[body.indexOf(0x3f)] = byte;
      refuses(features, body, 'the body is not valid JSON at byte 25: the text is not UTF-8');
      body[25] = 0x3f;
    }
  });

  test('a depth bomb is refused', () => {
    const message = 'the body is not valid JSON at byte 32: nested deeper than 32 levels';
    refuses(anyRank, '['.repeat(100_000), message);
    const bomb = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    refuses(anyRank, bomb, message);
    refuses(
      features,
      `{"x":${bomb},"features":[1,2,3]}`,
      'the body is not valid JSON at byte 36: nested deeper than 32 levels',
    );
  });

  test('what a message quotes of the client is short printable ASCII', () => {
    assert.throws(
      () => read(features, JSON.stringify({ [`\u0007é"${'k'.repeat(10_000)}`]: 1 })),
      (error: Error) => error.message.length < 200 && /^[ -~]*$/.test(error.message),
    );
    assert.throws(
      () => read([field('x', 'int8', null)], `[${'9'.repeat(10_000)}]`),
      (error: Error) => error.message.length < 200,
    );
  });

  test('a reader works on after a refusal', () => {
    const native = reader(...features);
    assert.throws(() => readWith(native, features, '{"features":[1,2'));
    assert.throws(() => native.store(new Uint8Array(64), new Float64Array(1)), {
      code: 'INTERNAL',
    });
    assert.deepEqual(readWith(native, features, '[1,2,3]'), one('bare', 1, [3], [1, 2, 3]));
  });
});

suite('store', () => {
  test('an offset that is no whole number or does not fit is refused', () => {
    const native = reader(...features);
    native.read(new TextEncoder().encode('[1,2,3]'), new Int32Array(8));
    for (const offset of [-1, 0.5, 53, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      assert.throws(() => native.store(new Uint8Array(64), Float64Array.of(offset)), {
        code: 'INTERNAL',
      });
    }
    assert.throws(() => native.store(new Uint8Array(64), new Float64Array(2)), {
      code: 'INTERNAL',
    });
    native.store(new Uint8Array(64), Float64Array.of(52));
  });

  test('a summary that is too short is refused', () => {
    assert.throws(
      () => reader(...features).read(new TextEncoder().encode('[1,2,3]'), new Int32Array(3)),
      {
        code: 'INTERNAL',
      },
    );
  });

  test('small requests are read right after a huge one', () => {
    const native = reader(...anyRank);
    const values = Array.from({ length: 600_000 }, (_, i) => i);
    assert.deepEqual(readWith(native, anyRank, JSON.stringify(values)).fields[0]?.values, values);
    assert.deepEqual(readWith(native, anyRank, '[7]'), one('bare', 1, [1], [7]));
  });
});

suite('constructor', () => {
  test('fields that cannot be are refused', () => {
    for (const fields of [
      [],
      [field('x', 'float32', [-2])],
      [field('x', 'float32', [1.5])],
      [field('x', 'float32', new Array(17).fill(1))],
      [field('x', 'float32', null), field('x', 'int8', null)],
      [{ name: 'x', dtype: 10, dims: null }],
      [{ name: 'x', dtype: -1, dims: null }],
      Array.from({ length: 65 }, (_, i) => field(`x${i}`, 'float32', null)),
    ]) {
      assert.throws(() => reader(...fields), { code: 'INTERNAL' });
    }
  });
});

/** A nested array of numbers and the shape it has. */
const nestedArrays = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }).chain((dims) => {
  const build = (depth: number): fc.Arbitrary<unknown> => {
    const length = dims[depth];
    if (length === undefined) return fc.double({ noNaN: true, noDefaultInfinity: true });
    return fc.array(build(depth + 1), { minLength: length, maxLength: length });
  };
  return fc.record({ dims: fc.constant(dims), value: build(0) });
});

function flatten(value: unknown): number[] {
  return Array.isArray(value) ? value.flat(16) : [Number(value)];
}

suite('properties', () => {
  const fields = [field('x', 'float64', null)];

  test('random nested arrays read as JSON.parse reads them', () => {
    const native = reader(...fields);
    fc.assert(
      fc.property(nestedArrays, fc.constantFrom(0, 1, 4), ({ dims, value }, indent) => {
        const text = JSON.stringify({ x: value }, null, indent);
        const parsed: { x: unknown } = JSON.parse(text);
        assert.deepEqual(readWith(native, fields, text), one('named', 1, dims, flatten(parsed.x)));
      }),
      { numRuns: 500 },
    );
  });

  test('a mutated request reads as JSON.parse reads it or is refused', () => {
    const native = reader(...fields);
    const seeds = [
      '{"x":[[1,2.5],[-3e2,4]],"id":"a\\u0041","n":null}',
      '{"instances":[[1,2],{"x":[3,4]}]}',
      '{"inputs":{"x":[[1],[2]]}}',
      '{"inputs":[1,2,3],"k":{"a":[true,false]}}',
      '[0.1, 2]',
      '5',
    ];
    const piece = fc.constantFrom(
      ...['"', ',', ':', '[', ']', '{', '}', '-', '.', 'e', '0', '7', ' ', '\\', '\u0000', 'é'],
      ...['NaN', 'null', 'true', '"x":', '[]', '[1]', '"instances":', '"inputs":'],
    );
    const mutation = fc.tuple(fc.nat(60), fc.nat(3), piece);
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (seed, mutations) => {
          let text = seed;
          for (const [at, cut, insert] of mutations) {
            text = text.slice(0, at) + insert + text.slice(at + cut);
          }
          let result: ReadRequest;
          try {
            result = readWith(native, fields, text);
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error);
            assert.equal(error.code, 'INVALID_REQUEST');
            assert.match(error.message, /^[ -~]{1,400}$/);
            // Whatever else is wrong is only told of valid JSON.
            if (!/^the body is empty|is not valid JSON/.test(error.message)) JSON.parse(text);
            return;
          }
          // The reader has chosen one of the values of the document, and all of its numbers.
          const document: unknown = JSON.parse(text);
          assert.deepEqual(result.fields[0]?.values, expectedValues(document, result.form));
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('arbitrary text and bytes never do more than be refused', () => {
    const native = reader(...pair);
    const accepts = (body: Uint8Array) => {
      try {
        readWith(native, pair, body);
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error && error.code === 'INVALID_REQUEST');
      }
    };
    fc.assert(fc.property(fc.json(), (text) => accepts(new TextEncoder().encode(text))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), accepts));
  });
});

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Reflect.get(value, key)
    : value;
}

/** The numbers of a document in the order in which the reader stores those of field x. */
function expectedValues(document: unknown, form: string | undefined): number[] {
  if (form === 'instances') {
    const rows = member(document, 'instances');
    assert.ok(Array.isArray(rows));
    return rows.flatMap((row) => flatten(member(row, 'x')));
  }
  if (form === 'inputs') return flatten(member(member(document, 'inputs'), 'x'));
  return flatten(form === 'named' ? member(document, 'x') : document);
}

suite('threads', () => {
  test('readers and writers work in several worker threads at once', async () => {
    const url = new URL('../../src/native/binding.js', import.meta.url).href;
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.url).then(({ addon }) => {
        const { JsonReader, JsonWriter } = addon();
        const reader = new JsonReader([{ name: 'x', dtype: 0, dims: [4] }]);
        const writer = new JsonWriter([{ dtype: 0, dims: [4] }], 0, null);
        const block = new Uint8Array(new SharedArrayBuffer(64));
        const summary = new Int32Array(4);
        let text = '';
        for (let i = 0; i < 2000; ++i) {
          reader.read(new TextEncoder().encode('[1,2,3,' + i + ']'), summary);
          reader.store(block, new Float64Array(1));
          text = writer.write(block, 1, 0, 1, 1);
        }
        parentPort.postMessage(text);
      });`;
    const run = () =>
      new Promise<unknown>((resolve, reject) => {
        const worker = new Worker(source, { eval: true, workerData: { url } });
        let message: unknown;
        worker.on('message', (text) => {
          message = text;
        });
        worker.on('error', reject);
        worker.on('exit', () => resolve(message));
      });
    const expected = '[\n  1.0,\n  2.0,\n  3.0,\n  1999.0\n]';
    assert.deepEqual(await Promise.all([run(), run(), run()]), [expected, expected, expected]);
  });
});

suite('copyBytes', () => {
  test('it copies between ranges, also of shared memory and overlapping ones', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    addon().copyBytes(shared, 2, Uint8Array.of(9, 1, 2, 3), 1, 3);
    assert.deepEqual([...shared], [0, 0, 1, 2, 3, 0, 0, 0]);
    addon().copyBytes(shared, 3, shared, 2, 3);
    assert.deepEqual([...shared], [0, 0, 1, 1, 2, 3, 0, 0]);
    addon().copyBytes(shared, 8, shared, 0, 0);
  });

  test('ranges beyond the end are refused', () => {
    const bytes = new Uint8Array(8);
    for (const [to, from, length] of [
      [0, 0, 9],
      [1, 0, 8],
      [0, 1, 8],
      [9, 0, 0],
      [-1, 0, 1],
      [0, 0.5, 1],
      [0, 0, Number.NaN],
      [0, 0, 2 ** 53],
    ] as const) {
      assert.throws(() => addon().copyBytes(bytes, to, bytes, from, length), { code: 'INTERNAL' });
    }
  });
});

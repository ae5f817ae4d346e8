import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { ModelConfig } from '../../../src/config/model-config.js';
import { largeBody, type OffLoop } from '../../../src/handlers/tensor/off-loop.js';
import { TensorHandler } from '../../../src/handlers/tensor/tensor-handler.js';
import type { TensorPlan } from '../../../src/handlers/tensor/tensor-plan.js';
import type { ModelSource } from '../../../src/models/model-source.js';
import { type Dtype, dtypes } from '../../../src/native/dtype.js';
import {
  alphaRows,
  answeredCases,
  assertClose,
  type ExpectedCase,
  isObject,
  rowOf,
} from '../../support/expected.js';
import { json } from '../../support/http-client.js';
import { alphaModel } from '../../support/paths.js';
import { handlerRequest } from '../../support/request.js';
import { source, startServer } from '../../support/server.js';

const binary = 'application/octet-stream';

/** Fixtures that the tensor handler serves, and how exactly they must agree with PyTorch. */
const models = [
  ['linear', 1e-6],
  ['named', 1e-6],
  ['pair', 1e-6],
  ['embedding', 1e-6],
  ['double', 0],
  ['dtypes', 0],
  ['dictionary', 1e-6],
  ['nested', 1e-6],
  ['listed', 1e-6],
  ['options', 0],
  ['throws', 0],
  ['slow', 0],
  ['hungry', 0],
] as const;

interface ServedCase extends ExpectedCase {
  name: string;
  source: ModelSource;
  tolerance: number;
}

function isDtype(name: string | undefined): name is Dtype {
  return dtypes.some((dtype) => dtype === name);
}

/** Every case as a model of its own whose configuration names the dtypes of the case. */
const cases: ServedCase[] = models.flatMap(([name, tolerance]) =>
  answeredCases(name).map((known, i) => {
    const inputs = Object.keys(known.inputs).map((input) => {
      const dtype = known.dtypes[input];
      assert.ok(isDtype(dtype));
      return { name: input, dtype };
    });
    const served = source(name, { name: `${name}-${i}`, config: { inputs } });
    return { ...known, name: `${name} case ${i + 1}`, source: served, tolerance };
  }),
);

function config(given: ModelConfig): { config: ModelConfig } {
  return { config: given };
}

const alphaConfig: ModelConfig = {
  inputs: [{ name: 'features', dtype: 'float32', shape: [64] }],
  outputs: [{ name: 'prediction' }],
};
const server = await startServer([
  ...cases.map((known) => known.source),
  source('alpha_model', { path: `${alphaModel}/model.pt`, config: alphaConfig }),
  source(
    'pair',
    config({
      inputs: [
        { name: 'ids', dtype: 'int64', shape: [4] },
        { name: 'weights', dtype: 'float32', shape: [4] },
      ],
      outputs: [{ name: 'mixed' }, { name: 'largest' }],
    }),
  ),
  source('double'),
  source('dtypes'),
  source('options', config({ inputs: [{ name: 'table', dtype: 'int32', shape: [2, -1] }] })),
]);
after(() => server.close());

async function ask(model: string, body: unknown): Promise<unknown> {
  const reply = await server.client.predict(model, body);
  assert.equal(reply.status, 200, reply.text);
  return json(reply);
}

/** Row `row` of a case as a request names it, and what the reply must be. */
function rowRequest({ inputs }: ExpectedCase, row: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).map(([name, rows]) => [name, rows[row]]));
}

function rowCount({ inputs }: ExpectedCase): number {
  return Object.values(inputs)[0]?.length ?? 0;
}

function expectedRow(known: ExpectedCase, row: number): unknown {
  return rowOf(known.outputs, row, known.outputDtypes);
}

/** Columns of several outputs have names: TorchScript gives a tuple's elements none. */
function expectedColumns({ outputs, outputDtypes }: ExpectedCase): unknown {
  if (!Array.isArray(outputDtypes) || !Array.isArray(outputs)) return outputs;
  return Object.fromEntries(outputs.map((output, i) => [`output_${i}`, output]));
}

suite('every fixture model answers what PyTorch answers', () => {
  for (const known of cases) {
    const { name } = known.source;
    const rows = Array.from({ length: rowCount(known) }, (_, row) => row);
    const isSingleField = Object.keys(known.inputs).length === 1;

    test(`${known.name}: each row as {"field": …}`, async () => {
      for (const row of rows) {
        const answer = await ask(name, rowRequest(known, row));
        assertClose(answer, expectedRow(known, row), known.tolerance);
      }
    });

    test(`${known.name}: all rows as {"instances": […]}`, async () => {
      const answer = await ask(name, { instances: rows.map((row) => rowRequest(known, row)) });
      const predictions = rows.map((row) => expectedRow(known, row));
      assertClose(answer, { predictions }, known.tolerance);
    });

    test(`${known.name}: all rows as {"inputs": columns}`, async () => {
      const answer = await ask(name, { inputs: known.inputs });
      assertClose(answer, { outputs: expectedColumns(known) }, known.tolerance);
    });

    if (!isSingleField) continue;
    test(`${known.name}: rows without field names`, async () => {
      const [column = []] = Object.values(known.inputs);
      for (const row of rows) {
        const answer = await ask(name, column[row]);
        assertClose(answer, expectedRow(known, row), known.tolerance);
      }
      const { predictions } = asObject(await ask(name, { instances: column }));
      const expected = rows.map((row) => expectedRow(known, row));
      assertClose(predictions, expected, known.tolerance);
      const { outputs } = asObject(await ask(name, { inputs: column }));
      assertClose(outputs, expectedColumns(known), known.tolerance);
    });
  }
});

function asObject(value: unknown): Record<string, unknown> {
  assert.ok(isObject(value));
  return value;
}

suite('the alpha model agrees with PyTorch', () => {
  test('one row at a time as JSON', async () => {
    for (const [i, features] of alphaRows.requests.entries()) {
      const answer = await ask('alpha_model', { features });
      assertClose(answer, { prediction: alphaRows.predictions[i] });
    }
  });

  test('all rows in one JSON request', async () => {
    const predictions = alphaRows.predictions.map((prediction) => ({ prediction }));
    assertClose(await ask('alpha_model', { instances: alphaRows.requests }), { predictions });
    // Columns of the only output stand alone.
    const columns = await ask('alpha_model', { inputs: { features: alphaRows.requests } });
    assertClose(columns, { outputs: alphaRows.predictions });
  });

  test('one row at a time as raw bytes', async () => {
    for (const [i, features] of alphaRows.requests.entries()) {
      const reply = await server.client.predict('alpha_model', floatBytes(features), {
        headers: { 'content-type': binary, accept: binary },
      });
      assert.equal(reply.headers['x-sconce-outputs'], 'float32[1,1]');
      assertClose(floatsOf(reply.body), alphaRows.predictions[i]);
    }
  });

  test('all rows in one request of raw bytes', async () => {
    const reply = await server.client.predict(
      'alpha_model',
      floatBytes(alphaRows.requests.flat()),
      { headers: { 'content-type': binary, accept: binary } },
    );
    assert.equal(reply.headers['content-type'], binary);
    assert.equal(reply.headers['x-sconce-outputs'], 'float32[8,1]');
    assertClose(floatsOf(reply.body), alphaRows.predictions.flat());
  });

  test('raw bytes are answered with JSON unless raw bytes are asked for', async () => {
    const [features = []] = alphaRows.requests;
    const reply = await server.client.predict('alpha_model', floatBytes(features), {
      headers: { 'content-type': binary },
    });
    assertClose(json(reply), { predictions: [{ prediction: alphaRows.predictions[0] }] });
  });
});

function floatBytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

function floatsOf(bytes: Buffer): number[] {
  assert.equal(bytes.length % 4, 0);
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

suite('raw bytes', () => {
  test('carry several inputs and outputs one after the other, each with all its rows', async () => {
    const known = answeredCases('pair').at(-1);
    assert.ok(known !== undefined);
    const { ids = [], weights = [] } = known.inputs;
    const body = Buffer.concat([
      new Uint8Array(new BigInt64Array(ids.flat().map((id) => BigInt(Number(id)))).buffer),
      floatBytes(weights.flat().map(Number)),
    ]);
    const reply = await server.client.predict('pair', body, {
      headers: { 'content-type': binary, accept: binary },
    });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers['x-sconce-outputs'], 'float32[3,3];int64[3]');
    const mixed = floatsOf(reply.body.subarray(0, 36));
    const largest = Array.from({ length: 3 }, (_, i) =>
      Number(reply.body.readBigInt64LE(36 + 8 * i)),
    );
    assertClose(
      [mixed, largest],
      [[known.outputs].flat(3).slice(0, 9), [known.outputs].flat(3).slice(9)],
    );
    assert.equal(reply.body.length, 36 + 24);
  });

  for (const length of [0, 255, 257, 3]) {
    test(`of ${length} bytes are refused where a row takes 256`, async () => {
      const reply = await server.client.predict('alpha_model', new Uint8Array(length), {
        headers: { 'content-type': binary },
      });
      assert.equal(reply.status, 400);
      assert.match(
        reply.text,
        new RegExp(
          `the body has ${length} bytes; a row \\(features: float32\\[n, 64\\]\\) takes 256`,
        ),
      );
    });
  }

  test('are refused by a model whose shapes are open', async () => {
    const reply = await server.client.predict('double', new Uint8Array(4), {
      headers: { 'content-type': binary },
    });
    assert.equal(reply.status, 400);
    assert.match(reply.text, /raw bytes need a shape for every input.*x: float32\[n, …\]/);
  });
});

suite('JSON replies', () => {
  test('are written byte for byte as Python writes them', async () => {
    const reply = await server.client.predict(
      'dtypes',
      '{"x": [0, -1.5, 1e22, 0.1, 1e-7, 100000]}',
    );
    assert.equal(
      reply.text,
      '[\n  0.0,\n  -1.5,\n  9.999999778196308e+21,\n  0.10000000149011612,\n  1.0000000116860974e-07,\n  100000.0\n]',
    );
  });

  test('name configured outputs', async () => {
    const [features] = alphaRows.requests;
    const reply = await server.client.predict('alpha_model', { features });
    assert.match(reply.text, /^\{\n {2}"prediction": \[\n {4}1\.15853\d+\n {2}\]\n\}$/);
  });

  test('hold what is not finite as Python does', async () => {
    const reply = await server.client.predict('double', [3e38, -3e38]);
    assert.equal(reply.text, '[\n  Infinity,\n  -Infinity\n]');
  });

  test('of configured tuples name their parts in every form', async () => {
    const row = { ids: [0, 1, 2, 3], weights: [1, 0.5, 0.25, 0] };
    const mixed = [-1.4878934621810913, -0.40647178888320923, 2.2650694847106934];
    assertClose(await ask('pair', row), { mixed, largest: 2 });
    const instances = await ask('pair', { instances: [row] });
    assertClose(instances, { predictions: [{ mixed, largest: 2 }] });
    const columns = await ask('pair', { inputs: { ids: [row.ids], weights: [row.weights] } });
    assertClose(columns, { outputs: { mixed: [mixed], largest: [2] } });
  });

  test('of thousands of numbers are whole', async () => {
    const x = Array.from({ length: 40_000 }, (_, i) => i);
    assert.deepEqual(
      await ask('double', { x }),
      x.map((value) => 2 * value + 1),
    );
  });
});

suite('requests that do not fit the model', () => {
  const refusals: [string, string, string | Uint8Array, RegExp][] = [
    ['an empty body', 'double', '', /the body is empty; expected JSON/],
    ['text that is not JSON', 'double', 'hello', /not valid JSON/],
    ['binary garbage', 'double', Uint8Array.from({ length: 300 }, (_, i) => 255 - i), /not valid/],
    ['a body that ends early', 'double', '{"x": [1, 2', /not valid JSON/],
    ['text after the end', 'double', '[1, 2] []', /not valid JSON/],
    [
      'a missing field',
      'alpha_model',
      '{"feature": [1]}',
      /field "features" is missing; the request has "feature"/,
    ],
    ['an empty object', 'alpha_model', '{}', /field "features" is missing/],
    ['one of two fields', 'pair', '{"ids": [1, 2, 3, 4]}', /field "weights" is missing/],
    ['a bare array for two fields', 'pair', '[1, 2, 3, 4]', /expected an object with the fields/],
    [
      'a row that is too short',
      'alpha_model',
      '{"features": [1, 2]}',
      /field "features": expected 64 values, found 2/,
    ],
    [
      'a number for an array',
      'alpha_model',
      '{"features": 1}',
      /field "features": expected an array of 64 values, found a number/,
    ],
    [
      'a string for a number',
      'double',
      '{"x": [1, "2"]}',
      /field "x"\[1\]: expected a number, found a string/,
    ],
    ['null', 'double', 'null', /expected .*, found null/],
    ['null for a number', 'double', '{"x": [null]}', /found null/],
    ['NaN', 'double', '{"x": [NaN]}', /NaN/],
    ['a number out of range', 'double', '{"x": [1e39]}', /1e39 is out of range for float32/],
    ['a number that no double holds', 'double', '{"x": [1e999]}', /1e999/],
    ['a huge integer', 'embedding-0', '{"ids": 92233720368547758080}', /92233720368547758080/],
    ['a fraction for an integer', 'embedding-0', '{"ids": 1.5}', /expected an integer, found 1\.5/],
    [
      'ragged rows',
      'double',
      '{"x": [[1, 2], [3]]}',
      /field "x"\[1\]: expected 2 values as before, found 1/,
    ],
    ['no instances', 'double', '{"instances": []}', /expected at least one row/],
    ['instances and inputs', 'double', '{"instances": [1], "inputs": [1]}', /send one of them/],
    [
      'columns of different lengths',
      'pair',
      '{"inputs": {"ids": [[1,2,3,4]], "weights": [[1,2,3,4],[1,2,3,4]]}}',
      /expected 1 row as in the other fields, found 2/,
    ],
    [
      'a wrong open dimension',
      'options',
      '{"table": [[1, 2], [3, 4], [5, 6]]}',
      /field "table": expected 2 arrays, found 3/,
    ],
    ['nesting of 100000 levels', 'double', '['.repeat(100_000), /not valid JSON|dimensions/],
    ['17 dimensions', 'double', `${'['.repeat(17)}1${']'.repeat(17)}`, /more than 16 dimensions/],
  ];
  for (const [what, model, body, message] of refusals) {
    test(`${what}: 400 that says what is wrong`, async () => {
      const reply = await server.client.predict(model, body);
      const { code, type, message: text } = asObject(json(reply));
      assert.deepEqual([reply.status, code, type], [400, 400, 'BadRequestException'], reply.text);
      assert.match(String(text), message);
    });
  }

  test('5 MB of open brackets are refused and the server goes on', async () => {
    const reply = await server.client.predict('double', '['.repeat(5_000_000));
    assert.equal(reply.status, 400);
    assert.deepEqual(await ask('double', [1]), [3]);
  });

  test('open dimensions take any size and the others do not', async () => {
    assert.deepEqual(
      await ask('options', {
        table: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      }),
      [
        [2, 4, 6],
        [8, 10, 12],
      ],
    );
    assert.deepEqual(await ask('options', { table: [[1], [4]] }), [[2], [8]]);
  });

  for (const rows of [33, 1000]) {
    test(`${rows} rows where a batch takes 32 are answered`, async () => {
      const instances = Array.from({ length: rows }, (_, i) => [i]);
      const { predictions } = Object(await ask('double', { instances }));
      assert.deepEqual(
        predictions,
        instances.map(([value = 0]) => [2 * value + 1]),
      );
    });
  }

  test('a full batch in one request is answered', async () => {
    const instances = Array.from({ length: 32 }, (_, i) => [i]);
    assert.deepEqual(await ask('double', { instances }), {
      predictions: instances.map(([i = 0]) => [2 * i + 1]),
    });
  });
});

suite('content types', () => {
  const taken = [
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.custom+json',
    'x/y; a="b;c"',
  ];
  for (const type of taken) {
    test(`${type} is read as JSON`, async () => {
      const reply = await server.client.predict('double', '[1, 2]', {
        headers: { 'content-type': type },
      });
      assert.deepEqual([reply.status, json(reply)], [200, [3, 5]]);
    });
  }

  /** A multipart body of fields, and of files where a type is given. */
  function multipart(...parts: [name: string, value: string, type?: string][]): string {
    const texts = parts.map(([name, value, type]) => {
      const file = type === undefined ? '' : `; filename="f"\r\ncontent-type: ${type}`;
      return `--x\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
    });
    return `${texts.join('')}--x--\r\n`;
  }

  const headers = { 'content-type': 'multipart/form-data; boundary=x' };

  for (const [what, body] of [
    ['a field named data', multipart(['other', '[0]'], ['data', '[1]'])],
    ['a field named body', multipart(['body', '[1]'])],
    ['a file', multipart(['data', '[1]', 'application/json'])],
    ['the last of several', multipart(['data', '[7]'], ['data', '[1]'])],
  ] as const) {
    test(`multipart: ${what} is the input`, async () => {
      const reply = await server.client.predict('double', body, { headers });
      assert.deepEqual([reply.status, json(reply)], [200, [3]]);
    });
  }

  test('multipart: without such a field it is refused with those that came', async () => {
    const body = multipart(['a', '1'], ['b', '2']);
    const reply = await server.client.predict('double', body, { headers });
    assert.equal(reply.status, 400);
    assert.match(
      reply.text,
      /a form carries the input in the field data or body; it has \\"a\\", \\"b\\"/,
    );
  });

  test('a form: its field data is the input, else the body as curl sends it', async () => {
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    assert.deepEqual(json(await server.client.predict('double', 'data=%5B1%5D', form)), [3]);
    assert.deepEqual(json(await server.client.predict('double', '[2]', form)), [5]);
  });
});

suite('media types are read as HTTP means them', () => {
  test('raw bytes in any case and with parameters, a reply by the first type that is accepted', async () => {
    const config: ModelConfig = { inputs: [{ name: 'x', dtype: 'float32', shape: [1] }] };
    await using raw = await startServer([source('double', { config })]);
    const reply = await raw.client.predict('double', floatBytes([3]), {
      headers: {
        'content-type': 'Application/Octet-Stream; version=1',
        accept: 'text/html, application/octet-stream;q=0.9, */*',
      },
    });
    assert.equal(reply.headers['content-type'], binary);
    assert.deepEqual(floatsOf(reply.body), [7]);
  });

  test('a bool that is neither 0 nor 1 is refused with its place', async () => {
    const config: ModelConfig = { inputs: [{ name: 'x', dtype: 'bool', shape: [2] }] };
    await using raw = await startServer([source('dtypes', { config })]);
    const headers = { 'content-type': binary };
    const good = await raw.client.predict('dtypes', Uint8Array.of(0, 1), { headers });
    assert.deepEqual(json(good), { predictions: [[false, true]] });
    const bad = await raw.client.predict('dtypes', Uint8Array.of(0, 1, 1, 7), { headers });
    assert.equal(bad.status, 400);
    assert.match(bad.text, /field \\"x\\": byte 3 of the body is 7; a bool is 0 or 1/);
  });
});

suite('large bodies', () => {
  const plan: TensorPlan = {
    fields: [{ name: 'x', dtype: 'float32', dims: null }],
    outputNames: null,
    fixed: undefined,
    text: 'x: float32[n, …]',
  };

  test('are parsed off the main loop and smaller ones on it', async () => {
    const parsed: number[] = [];
    const offLoop: OffLoop = {
      readJson: (_fields, body) => {
        parsed.push(body.byteLength);
        return Promise.resolve({
          summary: Int32Array.of(0, 1, 1, 2),
          memory: new Uint8Array(8),
          offsets: Float64Array.of(0, 8),
        });
      },
      writeJson: () => Promise.resolve(''),
    };
    const handler = new TensorHandler(plan, offLoop);
    const small = handler.preprocess(handlerRequest('{"x": [1, 2]}'));
    assert.ok(!(small instanceof Promise));
    assert.deepEqual(parsed, []);
    const large = handler.preprocess(handlerRequest(`{"x": [1, 2]}${' '.repeat(largeBody)}`));
    assert.ok(large instanceof Promise);
    assert.deepEqual((await large).inputs, [{ dtype: 'float32', dims: [2] }]);
    assert.deepEqual(parsed, [largeBody + 13]);
  });
});

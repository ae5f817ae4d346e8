import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ModelConfig } from '../../../src/config/model-config.js';
import { answeredCases, assertClose } from '../../support/expected.js';
import { fixture } from '../../support/paths.js';
import { source, startServer } from '../../support/server.js';
import { temporaryFolder } from '../text/text-folder.js';

const binary = { 'content-type': 'application/octet-stream' };

function classifier(name: string, model: string, handler: object, more: ModelConfig = {}) {
  return source(name, {
    path: fixture(model),
    folder: temporaryFolder({}),
    handler: 'classifier',
    config: Object.assign({}, more, { handler }),
  });
}

const threeFloats: ModelConfig = { inputs: [{ name: 'input', dtype: 'float32', shape: [3] }] };
const xOfThree: ModelConfig = { inputs: [{ name: 'x', dtype: 'float32', shape: [3] }] };
const anyFloats: ModelConfig = { inputs: [{ name: 'x', dtype: 'float32' }] };

const server = await startServer([
  classifier('linear', 'linear', { labels: ['cat', 'dog'] }, threeFloats),
  source('labelled', {
    path: fixture('linear'),
    folder: temporaryFolder({ 'index_to_name.json': { 0: ['n1', 'zebra'], 1: ['n2', 'ant'] } }),
    handler: 'classifier',
    config: threeFloats,
  }),
  classifier('raw', 'dtypes', { softmax: false, topk: 3 }, anyFloats),
  classifier('fixed', 'dtypes', { softmax: false }, xOfThree),
  classifier('soft', 'dtypes', {}, xOfThree),
  classifier('half', 'dtypes', {}, { inputs: [{ name: 'x', dtype: 'float16', shape: [4] }] }),
  classifier('integers', 'dtypes', {}, { inputs: [{ name: 'x', dtype: 'int64' }] }),
  classifier('one-label', 'dtypes', { labels: ['only'] }, anyFloats),
  classifier('pair', 'pair', {}),
  classifier('wrong', 'linear', { topk: 0 }),
  classifier('unknown', 'linear', { top_k: 1 }),
]);
after(() => server.close());

const known = answeredCases('linear')[0];
assert.ok(known);
const rows = Value.Parse(Type.Array(Type.Array(Type.Number())), known.inputs.input);
const outputs = Value.Parse(Type.Array(Type.Array(Type.Number())), known.outputs);

function softmax(scores: readonly number[]): number[] {
  const exponents = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const sum = exponents.reduce((a, b) => a + b);
  return exponents.map((value) => value / sum);
}

/** The classes of a row of scores, the most probable first. */
function classes(scores: readonly number[], labels: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    softmax(scores)
      .map((probability, id): [string, number] => [labels[id] ?? String(id), probability])
      .toSorted(([, a], [, b]) => b - a),
  );
}

async function ask(model: string, body: unknown): Promise<unknown> {
  const reply = await server.client.predict(model, body);
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text);
}

async function refusal(model: string, body: unknown): Promise<[number, string]> {
  const { status, text } = await server.client.predict(model, body);
  return [status, text];
}

suite('rows are answered with their classes, the most probable first', () => {
  const wanted = outputs.map((scores) => classes(scores, ['cat', 'dog']));

  test('one row, with or without its name', async () => {
    for (const [i, row] of rows.entries()) {
      assertClose(await ask('linear', { input: row }), wanted[i], 1e-5);
      assertClose(await ask('linear', row), wanted[i], 1e-5);
    }
  });

  test('several rows, in the form of the request', async () => {
    assertClose(await ask('linear', { instances: rows }), { predictions: wanted }, 1e-5);
    assertClose(await ask('linear', { inputs: { input: rows } }), { outputs: wanted }, 1e-5);
  });

  test('raw bytes are rows too', async () => {
    const body = Buffer.from(Float32Array.from(rows.flat()).buffer);
    const reply = await server.client.predict('linear', body, { headers: binary });
    assertClose(JSON.parse(reply.text), { predictions: wanted }, 1e-5);
  });

  test('names come from index_to_name.json', async () => {
    const [row] = rows;
    assertClose(await ask('labelled', row), classes(outputs[0] ?? [], ['zebra', 'ant']), 1e-5);
  });

  test('the text is that of Python, in the order of the probabilities', async () => {
    const { text } = await server.client.predict('raw', [0.25, 1, 0.5, 0.125]);
    assert.equal(text, '{\n  "1": 1.0,\n  "2": 0.5,\n  "0": 0.25\n}');
  });

  test('fewer classes than topk are all there are', async () => {
    assert.deepEqual(await ask('raw', [1]), { 0: 1 });
  });

  test('dimensions before the classes are lists', async () => {
    const body = [
      [0.5, 0.25],
      [0.125, 1],
      [2, 1],
    ];
    const wantedLists = [
      { 0: 0.5, 1: 0.25 },
      { 1: 1, 0: 0.125 },
      { 0: 2, 1: 1 },
    ];
    assert.deepEqual(await ask('raw', body), wantedLists);
    assert.deepEqual(await ask('raw', { instances: [body, body] }), {
      predictions: [wantedLists, wantedLists],
    });
  });

  test('half precision is read as the numbers that it stands for', async () => {
    assertClose(await ask('half', [0, 1, 2, 3]), classes([0, 1, 2, 3], []), 1e-3);
  });

  test('a NaN comes first, and scores that are infinite make all probabilities NaN', async () => {
    const scores = (values: number[]) => Buffer.from(Float32Array.from(values).buffer);
    const options = { headers: binary };
    const raw = await server.client.predict('fixed', scores([1, Number.NaN, 2]), options);
    assert.match(raw.text, /"1": NaN,\s+"2": 2.0,\s+"0": 1.0\s/);
    const soft = await server.client.predict(
      'soft',
      scores([1, 2, Number.POSITIVE_INFINITY]),
      options,
    );
    assert.equal(soft.text.match(/: NaN/g)?.length, 3);
  });

  test('many scores are answered over several turns', async () => {
    const wide = Array.from({ length: 9 }, (_, row) =>
      Array.from({ length: 20_000 }, (_, i) => (i === row * 2000 ? 1 : 0)),
    );
    const answer = await ask('raw', wide);
    assert.ok(Array.isArray(answer) && answer.length === 9);
    for (const [row, found] of answer.entries()) assert.equal(found[row * 2000], 1);
  });
});

suite('what cannot be answered', () => {
  test('a class without a label', async () => {
    const [status, text] = await refusal('one-label', [1, 2]);
    assert.equal(status, 503);
    assert.match(text, /class 1 has no label in handler\.labels/);
  });

  test('outputs that are no scores', async () => {
    const [status, text] = await refusal('integers', [1, 2]);
    assert.equal(status, 503);
    assert.match(text, /the model returns int64; scores are floats/);
    assert.match((await refusal('raw', 1))[1], /one number for a row/);
  });

  test('a model with several outputs', async () => {
    const [status, text] = await refusal('pair', { ids: [1, 2, 3, 4], weights: [1, 1, 1, 1] });
    assert.equal(status, 503);
    assert.match(text, /the model returns 2 outputs; the handler classifier takes one/);
  });

  test('options that are wrong fail the load', () => {
    assert.match(
      server.service.version('wrong').failure?.message ?? '',
      /handler\.topk must be >= 1/,
    );
    assert.match(
      server.service.version('unknown').failure?.message ?? '',
      /handler\.top_k is not known here/,
    );
  });
});

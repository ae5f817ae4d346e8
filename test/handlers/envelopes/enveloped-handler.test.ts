import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { SconceError } from '../../../src/errors.js';
import type { HandlerReply, HandlerRequest, RowHandler } from '../../../src/handlers/handler.js';
import { builtInHandlers, type HandlerFactory } from '../../../src/handlers/registry.js';
import { json } from '../../support/http-client.js';
import { source, startServer } from '../../support/server.js';

/** The tensor handler, without saying that it is one: bodies that hold `command` are orders. */
const plainTensor: HandlerFactory = (context) => {
  const inner = builtInHandlers.get('tensor')?.(context);
  if (inner?.kind !== 'rows') throw new Error('no tensor handler');
  const handler: RowHandler = {
    kind: 'rows',
    inputs: inner.inputs,
    rowShape: inner.rowShape,
    outputProblem: (structure) => inner.outputProblem(structure),
    describe: () => inner.describe(),
    preprocess: (request) => {
      const order = Buffer.from(request.body).toString();
      const prepared = inner.preprocess({
        ...request,
        body: Buffer.from(order.replace('"late"', '1')),
      });
      const ordered = answers.get(order);
      if (prepared instanceof Promise || ordered === undefined) return prepared;
      const { rows, key, inputs } = prepared;
      const store = (target: Uint8Array, offsets: Float64Array) => prepared.store(target, offsets);
      return { rows, key, inputs, store, postprocess: ordered };
    },
    explain: async (request) => explanation(request),
  };
  return handler;
};

const empty = { contentType: undefined, headers: undefined };

const answers = new Map<string, () => HandlerReply | Promise<HandlerReply>>([
  ['[901]', () => ({ ...empty, body: [Buffer.from('bytes')] })],
  ['[902]', async () => ({ ...empty, body: '"late"' })],
  [
    '[903]',
    () => {
      throw new SconceError('PREDICTION_ERROR', 'as asked').withStatus(418);
    },
  ],
  [
    '[904]',
    () => ({
      body: '"own"',
      contentType: 'application/own',
      headers: { own: 'yes' },
      status: { code: 202, phrase: 'Own' },
    }),
  ],
  ['[905]', () => ({ ...empty, body: pieces() })],
]);

async function* pieces() {
  yield Buffer.from('one');
  yield Buffer.from('two');
}

function explanation({ body }: HandlerRequest): HandlerReply {
  const text = Buffer.from(body).toString();
  if (text === '[900]') throw new SconceError('INVALID_REQUEST', 'no reason');
  return { ...empty, body: `[\n  ${text}\n]` };
}

const handlers = new Map([...builtInHandlers, ['plain', plainTensor]]);
const server = await startServer(
  ['json', 'kserve', 'kservev2'].map((envelope) =>
    source('double', { name: envelope, handler: 'plain', envelope, config: { batchSize: 64 } }),
  ),
  {},
  { handlers },
);
const { client } = server;
after(() => server.close());

suite('a handler behind an envelope', () => {
  test('answers each instance as a request of its own, in their order', async () => {
    const instances = Array.from({ length: 50 }, (_, i) => [i, -i]);
    const reply = await client.predict('kserve', { instances });
    assert.deepEqual(json(reply), {
      predictions: instances.map((row) => row.map((x) => 2 * x + 1)),
    });
    assert.equal(server.service.version('kserve').pending, 0);
  });

  test('answers on one line behind `json`, and tensors behind `kservev2`', async () => {
    const { text } = await client.predict('json', { instances: [[1], [2]] });
    assert.equal(text, '{"predictions": [[3.0], [5.0]]}');
    const tensors = [1, 2].map((value) => ({
      name: `in-${value}`,
      shape: [1],
      datatype: 'FP32',
      data: [value],
    }));
    const { outputs } = Object(
      json(await client.predict('kservev2', { id: 'x', inputs: tensors })),
    );
    assert.deepEqual(outputs, [
      { name: 'in-1', datatype: 'FP64', data: [3], shape: [1] },
      { name: 'in-2', datatype: 'FP64', data: [5], shape: [1] },
    ]);
  });

  test('may answer late, and with its own status, type and headers', async () => {
    const reply = await client.predict('json', { instances: [[902], [904], [1]] });
    assert.equal(reply.text, '{"predictions": ["late", "own", [3.0]]}');
    assert.deepEqual([reply.status, reply.statusText], [202, 'Own']);
    assert.deepEqual(
      [reply.headers['content-type'], reply.headers.own],
      ['application/own', 'yes'],
    );
  });

  test('has its refusals with the instance that they are of', async () => {
    const reply = await client.predict('kserve', { instances: [[1], ['x'], [2]] });
    assert.equal(reply.status, 400);
    assert.match(Object(json(reply)).message, /^instances\[1\]: .*expected a number/);
    const shapes = await client.predict('kserve', { instances: [[1], [1, 2]] });
    assert.equal(
      Object(json(shapes)).message,
      'instances[1]: its shape float32[2] is another than that of the first, float32[1]',
    );
  });

  test('fails the request when an answer fails, or is none that JSON can hold', async () => {
    const failed = await client.predict('kserve', { instances: [[1], [903]] });
    assert.deepEqual([failed.status, Object(json(failed)).message], [418, 'as asked']);
    const bytes = await client.predict('kserve', { instances: [[901]] });
    assert.equal(bytes.status, 503);
    assert.match(bytes.text, /an envelope holds JSON, and the handler has answered with bytes/);
  });

  test('streams past the envelope when it is alone in it', async () => {
    assert.equal((await client.predict('kserve', { instances: [[905]] })).text, 'onetwo');
    assert.equal((await client.predict('kserve', { instances: [[1], [905]] })).status, 503);
  });

  test('lets others have their turn while it reads a large body', async () => {
    const instances = Array.from({ length: 60 }, (_, i) => Array(3000).fill(i));
    const reply = await client.predict('kserve', { instances });
    assert.deepEqual(json(reply), {
      predictions: instances.map((row) => row.map((x: number) => 2 * x + 1)),
    });
  });

  test('explains each instance, on every route', async () => {
    const instances = [[1], [2]];
    for (const path of [
      '/explanations/kserve',
      '/v1/models/kserve:explain',
      '/v2/models/kserve/explain',
    ]) {
      const { text } = await client.send(path, { instances });
      assert.deepEqual(JSON.parse(text), { explanations: [[[1]], [[2]]] }, path);
    }
    const wrong = await client.send('/explanations/kserve', { instances: [[1], [900]] });
    assert.deepEqual([wrong.status, Object(json(wrong)).message], [400, 'instances[1]: no reason']);
  });
});

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { handled } from '../../models/handled/handled.js';
import { until } from '../../support/condition.js';
import { json } from '../../support/http-client.js';
import { RawConnection, rawRequest } from '../../support/raw-connection.js';
import { startServer } from '../../support/server.js';

const code = `export class Own extends BaseHandler {
  async preprocess(request, context) {
    const given = request.json();
    if (given === 'bytes' || given === 'stream') context.row().set([0, 0]);
    else if (given === 'own') {
      context.setResponseStatus(202, 'Own');
      context.setResponseContentType('application/own');
      context.row().set([1, 1]);
    } else {
      await context.reserve();
      context.row().set(given);
    }
    this.last = given;
  }
  postprocess(outputs, request, context) {
    const given = request.json();
    if (given === 'bytes') return new Uint8Array(3);
    if (given === 'stream') return this.chunks(context);
    if (given === 'own') return 'text, "own"';
    return { sums: outputs.tensor.at(0) };
  }
  async *chunks(context) {
    yield 'one';
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  }
  explain(request) {
    return ['why', request.json()];
  }
}`;

const server = await startServer(
  ['json', 'kserve', 'kservev2'].map((envelope) =>
    handled('double', code, { name: envelope, envelope }),
  ),
  { handlerThreads: 1 },
);
const { client, service } = server;
after(() => server.close());

suite('a handler on threads behind an envelope', () => {
  test('is given each instance as a request of its own', async () => {
    const instances = Array.from({ length: 20 }, (_, i) => [i, -i]);
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => client.predict('json', { instances })),
    );
    const sums = instances.map(([a = 0, b = 0]) => ({ sums: [2 * a + 1, 2 * b + 1] }));
    for (const reply of replies) assert.deepEqual(json(reply), { predictions: sums }, reply.text);
    assert.match(replies[0]?.text ?? '', /^\{"predictions": \[\{"sums": \[1\.0, 1\.0\]\}, /);
  });

  test('answers with text, status and type of its own', async () => {
    const reply = await client.predict('kserve', { instances: [[1, 2], 'own'] });
    assert.deepEqual(json(reply), { predictions: [{ sums: [3, 5] }, 'text, "own"'] });
    assert.deepEqual([reply.status, reply.statusText], [202, 'Own']);
    assert.equal(reply.headers['content-type'], 'application/own');
  });

  test('answers tensors behind `kservev2`', async () => {
    const inputs = [{ name: 'a', shape: [2], datatype: 'FP32', data: [1, 2] }];
    const { outputs, model_name } = Object(json(await client.predict('kservev2', { inputs })));
    assert.equal(model_name, 'kservev2');
    assert.deepEqual(outputs, [
      { name: 'a', datatype: 'BYTES', data: [{ sums: [3, 5] }], shape: [1] },
    ]);
  });

  test('explains each instance', async () => {
    const reply = await client.send('/v1/models/kserve:explain', { instances: [1, 2] });
    assert.deepEqual(json(reply), {
      explanations: [
        ['why', 1],
        ['why', 2],
      ],
    });
  });

  test('is refused what is no envelope, and fails what JSON cannot hold', async () => {
    const missing = await client.predict('kserve', {});
    assert.deepEqual(
      [missing.status, Object(json(missing)).message],
      [400, '"instances" is missing; the body has no member'],
    );
    const bytes = await client.predict('kserve', { instances: ['bytes'] });
    assert.equal(bytes.status, 503, bytes.text);
    assert.match(bytes.text, /an envelope holds JSON, and the handler has answered with bytes/);
    const stream = await client.predict('kserve', { instances: [[1, 2], 'stream'] });
    assert.equal(stream.status, 503);
    const wrong = await client.predict('kserve', {
      instances: [
        [1, 2],
        [1, 2, 3],
      ],
    });
    assert.equal(wrong.status, 503);
    assert.equal(service.version('kserve').pending, 0);
  });

  test('streams past the envelope, and hears that the client has gone', async () => {
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send(rawRequest('/predictions/kserve', '{"instances": ["stream"]}'));
    await connection.take('3\r\none\r\n');
    connection.destroy();
    await until(() => service.version('kserve').pending === 0);
  });
});

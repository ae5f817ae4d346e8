import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { HttpClient, json } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';
import { startStreamServer } from './stream-server.js';

const server = await startServer([source('double')]);
const management = new HttpClient(server.addresses.management);
const silent = await startStreamServer();
after(async () => {
  management.close();
  await Promise.all([server.close(), silent.close()]);
});
const { client } = server;

suite("KServe's routes", () => {
  for (const path of ['/v1/models/double:predict', '/v2/models/double/infer']) {
    for (const method of ['POST', 'GET', 'PUT']) {
      test(`${method} ${path} predicts`, async () => {
        assert.deepEqual(
          json(await client.send(path, '[1]', { method, headers: { 'content-length': '3' } })),
          [3],
        );
      });
    }
  }

  for (const path of [
    '/explanations/double',
    '/v1/models/double:explain',
    '/v2/models/double/explain',
  ]) {
    test(`${path} explains`, async () => {
      const reply = await client.send(path, '[1]');
      assert.deepEqual([reply.status, json(reply)], [200, [2]]);
    });

    test(`${path} is refused for a handler that explains nothing`, async () => {
      const reply = await silent.client.send(path.replace('double', 'stream'), '[1]');
      assert.deepEqual(
        [reply.status, Object(json(reply)).message],
        [
          503,
          'Prediction failed: this request cannot be explained: the handler of this model explains nothing',
        ],
      );
    });
  }

  for (const path of ['/v1/models/gone:predict', '/v2/models/gone/infer', '/v1/models/gone']) {
    test(`${path} knows no such model`, async () => {
      const reply = await (path.endsWith('gone') ? client.get(path) : client.send(path, '[1]'));
      assert.deepEqual([reply.status, Object(json(reply)).message], [404, 'Model not found: gone']);
    });
  }

  for (const path of [
    '/v1',
    '/v1/models',
    '/v1/models/double:infer',
    '/v1/models/double/predict/x',
    '/v2',
    '/v2/models/double',
    '/v2/models/double/versions/1.0/infer',
    '/v2/health/live',
  ]) {
    test(`${path} is no resource`, async () => {
      const reply = await client.send(path, '[1]');
      assert.equal(reply.status, 404, reply.text);
    });
  }
});

suite("KServe's readiness", () => {
  for (const [where, asked] of [
    ['inference', client],
    ['management', management],
  ] as const) {
    test(`is told on the ${where} listener`, async () => {
      const reply = await asked.get('/v1/models/double');
      assert.deepEqual([reply.status, json(reply)], [200, { name: 'double', ready: true }]);
    });

    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      test(`is not told to ${method} on the ${where} listener`, async () => {
        const reply = await asked.send('/v1/models/double', '', { method });
        assert.deepEqual(
          [reply.status, Object(json(reply)).type],
          [405, 'MethodNotAllowedException'],
        );
      });
    }
  }

  test('is no without instances', async () => {
    await using other = await startServer([source('double')]);
    await other.service.scale('double', undefined, { minWorkers: 0, maxWorkers: 0 }).done;
    assert.deepEqual(json(await other.client.get('/v1/models/double')), {
      name: 'double',
      ready: false,
    });
  });
});

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { loadOperatorLibraries } from '../../src/native/operator-libraries.js';
import { until } from '../support/condition.js';
import { deviceFailure, failingOperators } from '../support/failing-device.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { source, startServer, type TestServer } from '../support/server.js';

const broken = [-1, 0, 0];
const sound = [1, 2, 3];

/**
 * A server with a model whose operator fails as on a GPU that runs nothing any more, and with another
 * one; undefined, and the test skipped, where the operator cannot be compiled.
 */
async function failingServer(
  t: TestContext,
  onDeviceFailure: 'exit' | 'continue',
): Promise<TestServer | undefined> {
  const library = failingOperators(t);
  if (library === undefined) return undefined;
  loadOperatorLibraries([library], '/');
  return startServer([source('faulty', { config: { batchSize: 8 } }), source('double')], {
    onDeviceFailure,
  });
}

function messageOf(reply: HttpReply): string {
  return Object(json(reply)).message;
}

suite('a model whose device fails', () => {
  test('answers 503 with what has failed, as does everything that is asked of it then', async (t) => {
    await using server = await failingServer(t, 'continue');
    if (server === undefined) return;
    const { client } = server;
    assert.deepEqual(json(await client.predict('faulty', sound)), sound);
    const first = await client.predict('faulty', broken);
    const second = await client.predict('faulty', sound);
    for (const reply of [first, second]) {
      assert.equal(reply.status, 503);
      const { code, type } = Object(json(reply));
      assert.deepEqual([code, type], [503, 'ServiceUnavailableException']);
      assert.ok(messageOf(reply).startsWith(`Device failure: cpu: ${deviceFailure}`));
      assert.doesNotMatch(messageOf(reply), /which takes/);
    }
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
  });

  test('keeps the server from being ready or healthy, until it is loaded again', async (t) => {
    await using server = await failingServer(t, 'continue');
    if (server === undefined) return;
    const { client, addresses } = server;
    await client.predict('faulty', broken);
    // The model ends after its last batch is answered.
    await until(() => server.service.version('faulty').state === 'failed');
    const unready = await client.get('/ready');
    const { ready, waitingFor } = Object(json(unready));
    assert.deepEqual([unready.status, ready, Object.keys(waitingFor)], [503, false, ['faulty']]);
    assert.ok(waitingFor.faulty.startsWith(`Device failure: cpu: ${deviceFailure}`));
    assert.equal((await client.get('/models/double/ready')).status, 200);
    const ping = await client.get('/ping');
    assert.deepEqual([ping.status, json(ping)], [500, { status: 'Unhealthy' }]);

    const management = new HttpClient(addresses.management);
    const again = await management.send('/models/faulty?min_worker=1&synchronous=true', undefined, {
      method: 'PUT',
    });
    management.close();
    assert.equal(again.status, 200, again.text);
    assert.equal((await client.get('/ready')).status, 200);
    assert.equal((await client.get('/ping')).status, 200);
    assert.deepEqual(json(await client.predict('faulty', sound)), sound);
  });

  test('answers each of many requests once, and the other models are served', async (t) => {
    await using server = await failingServer(t, 'continue');
    if (server === undefined) return;
    const { client } = server;
    const asked = Array.from({ length: 200 }, (_, i) => client.predict('faulty', [i, 1, 2]));
    asked.splice(100, 0, client.predict('faulty', broken));
    const others = Array.from({ length: 50 }, (_, i) => client.predict('double', [i]));
    for (const reply of await Promise.all(asked)) {
      if (reply.status === 200) assert.equal(Object(json(reply)).length, 3);
      else assert.match(messageOf(reply), /^Device failure: |has no worker/);
    }
    for (const [i, reply] of (await Promise.all(others)).entries()) {
      assert.deepEqual(json(reply), [2 * i + 1]);
    }
  });

  test('tells whoever runs the server, once, after its requests are answered', async (t) => {
    await using server = await failingServer(t, 'exit');
    if (server === undefined) return;
    const told: string[] = [];
    server.service.onDeviceFailure(({ device, error }) => told.push(`${device} ${error.code}`));
    await server.client.predict('faulty', broken);
    assert.deepEqual(told, ['cpu DEVICE_FAILED']);
  });
});

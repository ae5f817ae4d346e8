import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until } from '../support/condition.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';

/** Matrix products that keep slow.pt busy for far longer than the responseTimeout of these tests. */
const long = 300_000;

/** For longer than it takes four of them to begin one after another. */
const veryLong = 1_000_000;

const body = (reply: HttpReply): unknown[] => [reply.status, json(reply)];

suite('a model whose instances all hang', () => {
  test('is not ready, not healthy after maxRetryTimeout, and loaded again by PUT', {
    timeout: 120_000,
  }, async () => {
    const hangs = { batchSize: 1, responseTimeout: 0.1, maxRetryTimeoutInSec: 0 };
    await using server = await startServer([source('slow', { config: hangs })]);
    const { client, service } = server;
    const management = new HttpClient(server.addresses.management);
    const version = service.version('slow');
    // On a busy machine a request may time out before an instance has taken it.
    while (version.load.running < 4) {
      assert.equal((await client.predict('slow', [veryLong, 0])).status, 504);
    }
    await until(() => version.state === 'stuck');
    const reason =
      'Model "slow" Version 1.0 is stuck: each of its 4 instances has run one batch for longer than responseTimeout (0.1 s). Load it again with PUT /models/slow on the management port.';
    assert.deepEqual(body(await client.get('/ready')), [
      503,
      { ready: false, waitingFor: { slow: reason } },
    ]);
    assert.deepEqual(body(await client.get('/models/slow/ready')), [
      503,
      { name: 'slow', version: '1.0', ready: false, state: 'stuck', failure: reason },
    ]);
    assert.equal((await client.get('/ping')).status, 500);
    const [described] = Array(json(await management.get('/models/slow'))).flat();
    const { sconce, workers } = Object(described);
    assert.deepEqual(
      [sconce.state, sconce.failure, workers.map(({ status }: { status: string }) => status)],
      ['stuck', reason, ['UNLOADING']],
    );
    const put = await management.send('/models/slow?synchronous=true', undefined, {
      method: 'PUT',
    });
    assert.equal(put.status, 200);
    // Those that hang still have the cores: the first answers may come too late.
    let reply = await client.predict('slow', [0, 7]);
    while (reply.status === 504) reply = await client.predict('slow', [0, 7]);
    assert.deepEqual(body(reply), [200, [0, 7]]);
    await until(() => service.health.ready);
    assert.equal((await client.get('/ping')).status, 200);
    management.close();
  });
});

suite('while a batch does not end', () => {
  for (const count of [0, 1]) {
    test(`scaling down to ${count} waits for unregisterModelTimeout at most`, async () => {
      await using server = await startServer(
        [source('slow', { config: { batchSize: 1, instances: 2 } })],
        { unregisterModelTimeout: 0 },
      );
      const version = server.service.version('slow');
      const replies = [1, 2].map((i) => server.client.predict('slow', [long, i]));
      await until(() => version.load.running === 2);
      const management = new HttpClient(server.addresses.management);
      const path = `/models/slow?min_worker=${count}&synchronous=true`;
      assert.deepEqual(body(await management.send(path, undefined, { method: 'PUT' })), [
        408,
        {
          code: 408,
          type: 'RequestTimeoutException',
          message: 'Timed out while cleaning resources: slow',
        },
      ]);
      for (const [i, reply] of (await Promise.all(replies)).entries()) {
        assert.deepEqual(json(reply), [long, i + 1]);
      }
      assert.equal(version.workers.length, count);
      management.close();
    });
  }
});

test('scaling a version that is being removed says that it was removed', async () => {
  await using server = await startServer([source('slow', { config: { batchSize: 1 } })]);
  const { service } = server;
  const version = service.version('slow');
  await version.loaded;
  const { done } = service.scale('slow', undefined, { minWorkers: 2, maxWorkers: 2 });
  const removed = service.unregister('slow');
  await assert.rejects(done, { code: 'WORKERS_FAILED', reason: 'the model was removed' });
  await removed;
});

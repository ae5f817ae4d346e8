import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { until } from '../support/condition.js';
import { json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { metricValue, source, startServer } from '../support/server.js';

const config = { batchSize: 1 };
const server = await startServer([
  source('slow', { name: 'waiting', config }),
  source('slow', { name: 'running', config }),
  source('slow', { name: 'several', config }),
  source('double'),
  source('throws', { config: { instances: 2, batchSize: 4, jobQueueSize: 1000 } }),
]);
const { client } = server;
after(() => server.close());

/** Matrix products that keep slow.pt busy for far longer than a request takes. */
const long = 100_000;

function cancelled(model: string): Promise<number> {
  return metricValue(server, 'sconce_request_errors_total', {
    model_name: model,
    code: 'REQUEST_CANCELLED',
  });
}

async function ask(model: string, body: string): Promise<RawConnection> {
  const connection = await RawConnection.open(server.addresses.inference);
  connection.send(rawRequest(`/predictions/${model}`, body));
  return connection;
}

suite('a client that hangs up', () => {
  test('while its request waits takes it out of the queue', async () => {
    const version = server.service.version('waiting');
    const running = client.predict('waiting', [long, 1]);
    await until(() => version.pending === 1 && version.queued === 0);
    const gone = await ask('waiting', '[0, 2]');
    await until(() => version.queued === 1);
    gone.destroy();
    await until(() => version.pending === 1);
    const last = client.predict('waiting', [0, 3]);
    assert.deepEqual(json(await running), [long, 1]);
    assert.deepEqual(json(await last), [0, 3]);
    assert.equal(await cancelled('waiting'), 1);
    const labels = { model_name: 'waiting' };
    assert.equal(await metricValue(server, 'sconce_batch_rows_count', labels), 2);
    assert.equal(await metricValue(server, 'sconce_requests_total', labels), 3);
  });

  test('while its request runs is counted, and the server goes on', async () => {
    const version = server.service.version('running');
    const gone = await ask('running', `[${long}, 1]`);
    await until(() => version.pending === 1 && version.queued === 0);
    gone.reset();
    await until(() => version.pending === 0);
    assert.equal(await cancelled('running'), 1);
    assert.deepEqual(json(await client.predict('running', [0, 2])), [0, 2]);
    const labels = { model_name: 'running' };
    // The reply of the one that was answered only.
    assert.equal(await metricValue(server, 'sconce_request_duration_seconds_count', labels), 1);
  });

  test('with several requests under way takes all of them back', async () => {
    const version = server.service.version('several');
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send(rawRequest('/predictions/several', `[${long}, 1]`));
    await until(() => version.pending === 1 && version.queued === 0);
    for (let i = 0; i < 5; i += 1) connection.send(rawRequest('/predictions/several', '[0, 1]'));
    await until(() => version.pending === 6);
    connection.destroy();
    await until(() => version.pending === 0);
    assert.equal(await cancelled('several'), 6);
    assert.deepEqual(json(await client.predict('several', [0, 2])), [0, 2]);
  });

  test('after its answer is counted as answered', async () => {
    const connection = await ask('double', '[1]');
    await connection.reply();
    connection.destroy();
    await connection.closed();
    assert.deepEqual(json(await client.predict('double', [2])), [5]);
    assert.equal(await cancelled('double'), 0);
  });

  test('does not disturb those that share its batches', async () => {
    const leaving = async (i: number) => {
      const connection = await RawConnection.open(server.addresses.inference);
      const row = JSON.stringify(new Array(1 + 997 * i).fill(i));
      const headers = ['Accept: application/octet-stream'];
      connection.send(rawRequest('/predictions/throws', row, { headers }).repeat(3));
      if (i % 3 === 0) await connection.reply();
      if (i % 2 === 0) connection.reset();
      else connection.destroy();
    };
    for (let round = 0; round < 10; round += 1) {
      const staying = Array.from({ length: 40 }, async (_, i) => {
        const row = [i % 5 === 0 ? -1 : i, ...new Array(i).fill(round)];
        const reply = await client.predict('throws', row);
        if (i % 5 === 0) assert.equal(reply.status, 503, reply.text);
        else assert.deepEqual(json(reply), row);
      });
      await Promise.all([...staying, ...Array.from({ length: 20 }, (_, i) => leaving(i))]);
    }
    const version = server.service.version('throws');
    await until(() => version.pending === 0);
  });
});

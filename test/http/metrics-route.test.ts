import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.js';
import { HttpClient } from '../support/http-client.js';
import { startServer } from '../support/server.js';

const metrics = new Metrics({ mode: 'prometheus', hostname: 'vm' });
const server = await startServer([], {}, { metrics });
const client = new HttpClient(server.addresses.metrics ?? '');
const version = metrics.forVersion('m', '1.0');
version.request(true);
version.answered(1, 2000, true);
after(async () => {
  client.close();
  await server.close();
  metrics.close();
});

const requests = `# HELP ts_inference_requests_total Torchserve prometheus counter metric with unit: Count
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="m",model_version="1.0",hostname="vm",} 1.0
`;
const queueTime = `# HELP QueueTime Torchserve prometheus gauge metric with unit: Milliseconds
# TYPE QueueTime gauge
QueueTime{Level="Host",Hostname="vm",} 2.0
`;

suite('/metrics', () => {
  test('answers with the text format, its type and the common headers', async () => {
    const reply = await client.get('/metrics');
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(reply.headers.pragma, 'no-cache');
    assert.ok(reply.text.startsWith('# HELP Requests2XX '));
    assert.ok(reply.text.includes(requests));
    assert.match(reply.text, /^sconce_slab_bytes 0$/m);
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    test(`answers ${method} as it does GET`, async () => {
      const headers = { 'content-length': '6' };
      const reply = await client.send('/metrics?name[]=QueueTime', 'a body', { method, headers });
      assert.equal(reply.status, 200);
      assert.equal(reply.text, queueTime);
    });
  }

  test('answers HEAD without a body', async () => {
    const reply = await client.send('/metrics?name[]=QueueTime', undefined, { method: 'HEAD' });
    assert.equal(reply.status, 200);
    assert.equal(reply.text, '');
    assert.equal(reply.headers['content-length'], `${queueTime.length}`);
  });

  test('answers every path below', async () => {
    for (const path of ['/metrics/', '/metrics/a', '/metrics/a/b%2Fc']) {
      const reply = await client.get(`${path}?name[]=QueueTime`);
      assert.equal(reply.status, 200, path);
      assert.equal(reply.text, queueTime, path);
    }
    assert.equal((await client.get('/metricsx')).status, 404);
  });

  test('takes several names, in the order of the metrics', async () => {
    for (const query of [
      'name[]=QueueTime&name[]=ts_inference_requests_total',
      'name%5B%5D=QueueTime&name%5b%5d=ts_inference_requests_total',
      'name[]=ts_inference_requests_total&name[]=QueueTime&name[]=QueueTime&name[]=nope&name=x',
    ]) {
      assert.equal((await client.get(`/metrics?${query}`)).text, requests + queueTime, query);
    }
  });

  test('has nothing under a name that no sample has', async () => {
    for (const name of ['nope', '', 'WorkerLoadTime', 'sconce_batch_rows', '__proto__', '%zz']) {
      const reply = await client.get(`/metrics?name[]=${name}`);
      assert.equal(reply.status, 200, name);
      assert.equal(reply.text, '', name);
    }
  });

  test('takes Sconce’s own names too', async () => {
    const reply = await client.get('/metrics?name[]=sconce_slab_bytes');
    assert.equal(
      reply.text,
      '# HELP sconce_slab_bytes Shared memory that batches are assembled in\n# TYPE sconce_slab_bytes gauge\nsconce_slab_bytes 0\n',
    );
  });

  test('counts its own responses', async () => {
    const counted = async (name: string) => {
      const { text } = await client.get(`/metrics?name[]=${name}`);
      return Number(text.split(' ').at(-1));
    };
    const before = await counted('Requests2XX');
    await client.get('/nowhere');
    assert.equal(await counted('Requests2XX'), before + 1);
    assert.ok((await counted('Requests4XX')) >= 1);
  });
});

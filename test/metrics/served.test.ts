import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { metricDefinitions } from '../../src/metrics/definitions.js';
import { HttpClient } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { source, startServer } from '../support/server.js';

const server = await startServer([
  source('double'),
  source('double', { version: '2.0' }),
  source('throws'),
  source('broken', { path: fixture('broken/empty') }),
]);
const client = new HttpClient(server.addresses.metrics ?? '');
after(async () => {
  client.close();
  await server.close();
});

const sample = /^([a-z_0-9]+)(?:\{([^}]*)\})? (\S+)$/;
const label = /^[a-z_]+="[^"\\]*"$/;

interface Sample {
  name: string;
  labels: string[];
  value: number;
}

/** Takes the Prometheus text format apart and fails where a line is not of it. */
function parse(text: string): { samples: Sample[]; types: Map<string, string> } {
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  assert.ok(text.endsWith('\n'));
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      const [, name = '', kind = ''] = type;
      assert.ok(!types.has(name), `${name} is declared twice`);
      types.set(name, kind);
      continue;
    }
    const [, name = '', labels = '', value = ''] = sample.exec(line) ?? assert.fail(line);
    const list = labels === '' ? [] : labels.split(',');
    for (const each of list) assert.match(each, label);
    assert.ok(Number.isFinite(Number(value)), line);
    const family = name.replace(/_(bucket|sum|count)$/, '');
    assert.ok(types.has(name) || types.get(family) === 'histogram', `${name} has no TYPE`);
    samples.push({ name, labels: list, value: Number(value) });
  }
  return { samples, types };
}

async function scrape(): Promise<ReturnType<typeof parse>> {
  const reply = await client.get('/metrics');
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parse(reply.text);
}

suite('a server’s metrics', () => {
  test('have every family with its type', async () => {
    const { types } = await scrape();
    const expected = Object.values(metricDefinitions).map(({ name, kind }) => [name, kind]);
    assert.deepEqual([...types].sort(), expected.sort());
  });

  test('count requests, errors and batches of each version', async () => {
    for (const path of ['double', 'double', 'double/2.0']) await server.client.predict(path, [1]);
    await server.client.predict('throws', [1]);
    await server.client.predict('throws', [-1]);
    await server.client.predict('throws', 'no');
    await server.client.predict('nope', [1]);
    await server.client.predict('broken', [1]);
    const { samples } = await scrape();
    const value = (name: string, ...labels: string[]) =>
      samples.find(
        (each) => each.name === name && labels.every((wanted) => each.labels.includes(wanted)),
      )?.value;
    const [first, second] = ['model_version="1.0"', 'model_version="2.0"'];
    const [double, throws] = ['model_name="double"', 'model_name="throws"'];
    assert.equal(value('sconce_requests_total', double, first ?? ''), 2);
    assert.equal(value('sconce_requests_total', double, second ?? ''), 1);
    assert.equal(value('sconce_requests_total', throws), 3);
    assert.equal(value('sconce_request_errors_total', throws, 'code="MODEL_FAILED"'), 1);
    assert.equal(value('sconce_request_errors_total', throws, 'code="INVALID_REQUEST"'), 1);
    assert.equal(value('sconce_request_errors_total', double), undefined);
    assert.equal(value('sconce_request_errors_total', 'code="MODEL_NOT_LOADED"'), 1);
    assert.equal(value('sconce_request_duration_seconds_count', double, first ?? ''), 2);
    assert.equal(value('sconce_request_duration_seconds_count', throws), 1);
    assert.equal(value('sconce_batch_rows_sum', double, first ?? ''), 2);
    assert.equal(value('sconce_batch_rows_count', double, second ?? ''), 1);
    assert.equal(value('sconce_queue_duration_seconds_count', double, first ?? ''), 2);
    assert.equal(value('sconce_compute_duration_seconds_count', double, first ?? ''), 2);
    assert.equal(value('sconce_pending_requests', double, first ?? ''), 0);
    assert.equal(value('sconce_queued_requests', double, first ?? ''), 0);
    assert.equal(value('sconce_model_state', double, first ?? '', 'state="ready"'), 1);
    assert.equal(value('sconce_model_state', 'model_name="broken"', 'state="failed"'), 1);
    assert.equal(value('sconce_instances', double, first ?? '', 'state="ready"'), 1);
    assert.ok((value('sconce_model_load_duration_seconds', double, first ?? '') ?? 0) > 0);
    assert.ok((value('sconce_slab_bytes') ?? 0) > 0);
    assert.ok(!samples.some(({ labels }) => labels.includes('model_name="nope"')));
  });

  test('have labels for model and version, but for what is not of a model', async () => {
    const { samples } = await scrape();
    for (const { name, labels } of samples) {
      const names = labels.map((each) => each.split('=', 1).join());
      const ofModels = /^sconce_(?!device_|slab_bytes$)/.test(name);
      const found = names.filter((each) => each.startsWith('model_'));
      assert.deepEqual(found, ofModels ? ['model_name', 'model_version'] : [], name);
    }
  });

  test('are alone on their port', async () => {
    assert.equal((await client.get('/models')).status, 404);
    assert.equal((await client.get('/')).status, 405);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Settings } from '../../src/config/settings.js';
import { createLogs, type Logs } from '../../src/logging/logs.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { HttpClient } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { metricValue, source, startServer, type TestServer } from '../support/server.js';

let folder: string;
let logs: Logs;
let server: TestServer | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sconce-observer-'));
  const inFolder = { logLocation: folder, metricsLocation: undefined, accessLog: true };
  logs = await createLogs({ level: 'info', ...inFolder });
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await logs.close();
  rmSync(folder, { recursive: true });
});

async function start(given: Partial<Settings> = {}): Promise<TestServer> {
  const metrics = new Metrics({ mode: 'prometheus' });
  const sources = [source('double'), source('throws')];
  server = await startServer(sources, given, { logs, metrics });
  return server;
}

/** The lines of a log file without times, once everything is written. */
async function linesOf(file: string): Promise<string[]> {
  await server?.close();
  await logs.close();
  return readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1);
}

suite('the access log', () => {
  test('has a line for each request in the form of TorchServe', async () => {
    const { client, addresses } = await start();
    const management = new HttpClient(addresses.management);
    await client.predict('double?a=%22b', [1]);
    await client.get('/nowhere');
    await management.get('/models?limit=1');
    management.close();
    const lines = (await linesOf('access_log.log')).map((line) => line.replace(/^.* - /, ''));
    const forms = [
      /^\/127\.0\.0\.1:\d+ "POST \/predictions\/double\?a=%22b HTTP\/1\.1" 200 \d+$/,
      /^\/127\.0\.0\.1:\d+ "GET \/nowhere HTTP\/1\.1" 404 \d+$/,
      /^\/127\.0\.0\.1:\d+ "GET \/models\?limit=1 HTTP\/1\.1" 200 \d+$/,
    ];
    assert.equal(lines.length, forms.length);
    for (const [i, form] of forms.entries()) assert.match(lines[i] ?? '', form);
  });

  test('names a path as it came, and a quote so that no line is forged', async () => {
    const { addresses } = await start();
    const connection = await RawConnection.open(addresses.inference);
    connection.send(rawRequest('/a%2F//b"%0a c/'.replace(' ', ''), ''));
    await connection.reply();
    const [line = ''] = await linesOf('access_log.log');
    assert.match(line, /"POST \/a%2F\/\/b\\"%0ac\/ HTTP\/1\.1" 404 \d+$/);
  });

  test('has a Unix client as 127.0.0.1, as TorchServe does', async () => {
    const path = join(folder, 'socket');
    await start({ inferenceAddress: `unix:${path}` });
    await new Promise((resolve) => {
      httpRequest({ socketPath: path, path: '/ping', agent: false }, (response) => {
        response.resume();
        response.on('end', resolve);
      }).end();
    });
    const [line = ''] = await linesOf('access_log.log');
    assert.match(line, / 127\.0\.0\.1 "GET \/ping HTTP\/1\.1" 200 \d+$/);
  });
});

suite('the id of a request', () => {
  test('stands in the line that its fault leaves in the log', async () => {
    const { client } = await start();
    const headers = { 'x-request-id': 'mine-7' };
    const reply = await client.predict('throws', [-1], { headers });
    assert.deepEqual([reply.status, reply.headers['x-request-id']], [503, 'mine-7']);
    const lines = (await linesOf('ts_log.log')).filter((line) => line.includes('mine-7'));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /\[WARN \].*"requestId":"mine-7","code":"MODEL_FAILED"/);
  });
});

suite('responses', () => {
  async function counts(): Promise<number[]> {
    assert.ok(server !== undefined);
    const { metrics } = server;
    const level = { Level: 'Host' };
    return Promise.all(
      ['Requests2XX', 'Requests4XX', 'Requests5XX'].map((name) =>
        metricValue({ metrics }, name, level),
      ),
    );
  }

  test('are counted by their status, once, on every listener', async () => {
    const { client, addresses } = await start();
    const management = new HttpClient(addresses.management);
    const metrics = new HttpClient(addresses.metrics ?? '');
    assert.deepEqual(await counts(), [0, 0, 0]);
    await client.predict('double', [1]);
    await management.get('/models');
    await metrics.get('/metrics');
    assert.deepEqual(await counts(), [3, 0, 0]);
    await client.get('/nowhere');
    await client.predict('double', 'no');
    await management.send('/models/nope', '', { method: 'DELETE' });
    assert.deepEqual(await counts(), [3, 3, 0]);
    await client.predict('throws', [-1]);
    assert.deepEqual(await counts(), [3, 3, 1]);
    management.close();
    metrics.close();
  });

  test('to bodies that are too large are neither counted nor logged, as in TorchServe', async () => {
    const { client } = await start({ maxRequestSize: 1000 });
    const reply = await client.predict('double', 'x'.repeat(1001));
    assert.equal(reply.status, 413);
    assert.deepEqual(await counts(), [0, 0, 0]);
    assert.deepEqual(await linesOf('access_log.log'), []);
  });
});

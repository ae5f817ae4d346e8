import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { createLogs, type Logs } from '../../src/logging/logs.js';
import { HttpClient, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { RawConnection } from '../support/raw-connection.js';
import { source, startServer, type TestServer } from '../support/server.js';

/** Milliseconds in which every request has its answer. */
const patience = 10_000;

let store: ModelStore;
let folder: string;
let logs: Logs;
let server: TestServer;
let management: HttpClient;

before(async () => {
  store = new ModelStore();
  await store.add('double');
  folder = mkdtempSync(join(tmpdir(), 'sconce-fuzz-'));
  const inFolder = { logLocation: folder, metricsLocation: undefined, accessLog: true };
  logs = await createLogs({ level: 'info', ...inFolder });
  server = await startServer(
    [source('double'), source('linear')],
    { modelStore: store.folder, maxRequestSize: 100_000, tsOpenInferenceProtocol: true },
    { logs },
  );
  management = new HttpClient(server.addresses.management);
});

after(async () => {
  management.close();
  await server.close();
  await logs.close();
  rmSync(folder, { recursive: true });
  store[Symbol.dispose]();
});

/** Statuses of our own mistakes, and of answers that nobody has asked for, are not among them. */
const documented = new Set([
  ...[200, 202, 400, 403, 404, 405, 408, 409, 413, 417, 500, 501, 503, 504, 507],
]);

const segments = fc.oneof(
  fc.constantFrom(
    ...['predictions', 'explanations', 'models', 'double', 'linear', '1.0', 'all', 'set-default'],
    ...[
      'ping',
      'metrics',
      'invocations',
      'v1',
      'v2',
      'double:predict',
      'infer',
      'predict',
      'ready',
    ],
    ...['workflows', 'wfpredict', 'token', 'openapi.json', 'api-description', 'health', 'live'],
    ...['', '.', '..', '*', '%2F', '%2f..', '%00', '%', '%zz', '%c3%28', '%25', '%E2%82%AC', '~'],
    ...[
      '__proto__',
      'constructor',
      'toString',
      ';',
      '#',
      ':',
      ':x',
      '@',
      '\\',
      "'",
      '"',
      '{}',
      '|',
    ],
  ),
  fc.string({ maxLength: 5 }),
  fc.string({ minLength: 1000, maxLength: 1100, unit: fc.constantFrom('a', '%41') }),
);

const value = fc.oneof(
  fc.constantFrom(
    ...['0', '1', '-1', 'true', 'double.mar', 'nan', '', '1e9', '99999999999', '%', '%00', '../x'],
  ),
  fc.string({ maxLength: 6 }),
);

const query = fc.array(
  fc.tuple(
    fc.constantFrom(
      ...[
        'url',
        'model_name',
        'limit',
        'next_page_token',
        'min_worker',
        'max_worker',
        'customized',
      ],
      ...['synchronous', 'model_version', 'name[]', 'type', '__proto__', 'a[b]', 'batch_size', ''],
    ),
    value,
  ),
  { maxLength: 4 },
);

const target = fc
  .tuple(fc.constantFrom('/', '//', ''), fc.array(segments, { maxLength: 6 }), query)
  .map(([start, path, pairs]) => {
    const text = pairs.map(([name, given]) => `${name}=${given}`).join('&');
    return `${start}${path.join('/')}${pairs.length === 0 ? '' : `?${text}`}`;
  });

const method = fc.constantFrom(
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'M-SEARCH'],
  ...['CONNECT', 'PURGE', 'get', 'X', ''],
);

const header = fc.oneof(
  fc.constantFrom(
    ...['Content-Type: application/json', 'Content-Type: multipart/form-data; boundary=B'],
    ...['Content-Type: application/x-www-form-urlencoded', 'Content-Type: ;', 'Content-Type: a'],
    ...[
      'Content-Type: application/octet-stream',
      'Accept: */*',
      'Accept: application/octet-stream',
    ],
    ...['Connection: close', 'Connection: upgrade', 'Upgrade: websocket', 'Expect: 100-continue'],
    ...['Expect: x', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Content-Length: 1'],
    ...['Authorization: Bearer x', 'x-request-id: 1', 'x-request-id: a b', 'Host: a, b', 'Cookie'],
    ...['Content-Encoding: gzip', 'Range: bytes=0-1', 'HTTP2-Settings: AAMAAABkAAQAAP__', ': x'],
  ),
  fc.string({ maxLength: 10 }).map((text) => `x: ${text}`),
);

const body = fc.oneof(
  fc.constantFrom('', '[1]', '{"instances": [1]}', '[', 'null', '{"url": "double.mar"}', '--B--'),
  fc.constantFrom(
    '--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n[1]\r\n--B--',
    'data=1',
  ),
  fc.json(),
  fc.string({ maxLength: 200 }),
  fc.constant('x'.repeat(100_001)),
);

interface Message {
  method: string;
  target: string;
  headers: string[];
  body: string;
}

/** A request whose length is right unless its headers say otherwise. */
const message: fc.Arbitrary<Message> = fc.record({
  method,
  target,
  headers: fc.array(header, { maxLength: 4 }),
  body,
});

function wireText(request: Message): string {
  const length = `Content-Length: ${Buffer.byteLength(request.body)}`;
  const head = [`${request.method} ${request.target} HTTP/1.1`, 'Host: t', length];
  return `${[...head, ...request.headers].join('\r\n')}\r\n\r\n${request.body}`;
}

/** Everything that comes until the server closes the connection. */
async function exchange(url: string, bytes: string | Uint8Array): Promise<string> {
  const connection = await RawConnection.open(url);
  const timer = setTimeout(() => connection.destroy(), patience);
  const start = performance.now();
  connection.send(bytes);
  connection.end();
  const received = await connection.closed();
  clearTimeout(timer);
  assert.ok(performance.now() - start < patience, 'no answer');
  return received;
}

function assertAnswers(received: string): void {
  // Nothing, where a client is said good-bye to without an answer: CONNECT.
  if (received === '') return;
  const lines = received.match(/^HTTP\/1\.1 \d{3} .*$/gm) ?? [];
  assert.ok(received.startsWith('HTTP/1.1 '), received);
  for (const line of lines) {
    const status = Number(line.split(' ')[1]);
    assert.ok(status === 100 || documented.has(status), line);
  }
  assert.doesNotMatch(received, /Cannot |undefined|is not a function|\[object Object\]/);
}

async function assertServes(): Promise<void> {
  const reply = await server.client.predict('double', [7]);
  assert.deepEqual([reply.status, json(reply)], [200, [15]]);
  assert.equal((await management.get('/models/double')).status, 200);
  for (const version of server.service.all) assert.equal(version.pending, 0);
}

/** Fails when the server has taken a request's fault for its own. */
async function assertNoFaults(): Promise<void> {
  await logs.close();
  const text = readFileSync(join(folder, 'ts_log.log'), 'utf8');
  assert.doesNotMatch(text, /request failed|INTERNAL/);
}

suite('whatever comes over a connection', () => {
  for (const listener of ['inference', 'management'] as const) {
    test(`requests: ${listener}`, async () => {
      await fc.assert(
        fc.asyncProperty(message, async (request) => {
          const received = await exchange(server.addresses[listener], wireText(request));
          assertAnswers(received);
        }),
        { numRuns: 400 },
      );
      await assertServes();
    });

    test(`several requests behind one another: ${listener}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(message, { maxLength: 5 }), async (requests) => {
          const text = requests.map((request) => wireText(request)).join('');
          assertAnswers(await exchange(server.addresses[listener], text));
        }),
        { numRuns: 100 },
      );
      await assertServes();
    });

    test(`bytes: ${listener}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
          assertAnswers(await exchange(server.addresses[listener], bytes));
        }),
        { numRuns: 50 },
      );
      await assertServes();
    });
  }

  test('leaves no connection open and no fault in the log', async () => {
    management.close();
    await server.close();
    await assertNoFaults();
  });
});

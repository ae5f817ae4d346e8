import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { createLogs, type Logs } from '../../src/logging/logs.js';
import { unpackFolder } from '../../src/models/unpack-folder.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { source, startServer, type TestServer } from '../support/server.js';

let store: ModelStore;
let folder: string;
let logs: Logs;
let server: TestServer;
let management: HttpClient;

before(async () => {
  store = new ModelStore();
  await store.add('double');
  folder = mkdtempSync(join(tmpdir(), 'sconce-registration-'));
  const inFolder = { logLocation: folder, metricsLocation: undefined, accessLog: true };
  logs = await createLogs({ level: 'info', ...inFolder });
  const settings = { modelStore: store.folder, closeConnectionOnError: false };
  server = await startServer([source('linear')], settings, { logs });
  management = new HttpClient(server.addresses.management);
});

after(async () => {
  management.close();
  await server.close();
  await logs.close();
  rmSync(folder, { recursive: true });
  store[Symbol.dispose]();
});

const fields = [
  ...['url', 'model_name', 'handler', 'runtime', 'batch_size', 'max_batch_delay'],
  ...['initial_workers', 'response_timeout', 'startup_timeout', 'synchronous', 's3_sse_kms'],
  ...['__proto__', 'constructor', 'toString', 'unknown'],
];

const text = fc.oneof(
  fc.constantFrom(
    ...['double.mar', 'double', 'tensor', 'python', 'LSP', 'true', '1', '0', '-1', '2147483647'],
    ...['2147483648', '1e400', '', ' ', '..', '/', '\0', '%2e%2e', 'a'.repeat(5000), '__proto__'],
    ...['constructor', 'file:///etc/passwd', 'http://127.0.0.1:1/x.mar', 's3://b/x.mar', '\ud800'],
  ),
  fc.string({ maxLength: 8 }),
);

/** Values of any type; lists and objects that have no text of their own among them. */
const anyJson = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, false, 1e300, -0, [], {}, [['double.mar']], { toString: 1 }),
  fc.constantFrom({ length: 1e9 }, { __proto__: null, valueOf: 2, toString: null }, [[[[[]]]]]),
  fc.jsonValue({ maxDepth: 3 }),
);

async function assertAnswered(reply: HttpReply): Promise<void> {
  const body = Object(json(reply));
  if (reply.status === 200 || reply.status === 202) {
    assert.equal(typeof body.status, 'string');
    return;
  }
  assert.ok([400, 404, 409, 500, 507].includes(reply.status), reply.text);
  assert.equal(body.code, reply.status);
  assert.equal(typeof body.message, 'string');
  const own = ['JsonSyntaxException', 'InternalServerException'];
  if (reply.status === 500) assert.ok(own.includes(body.type), reply.text);
  assert.doesNotMatch(reply.text, /\[object |Cannot |undefined|is not a function|at Object/);
}

/** Removes what was registered, so that every registration meets the same server. */
async function removeAll(): Promise<void> {
  for (const version of server.service.all) {
    if (version.name !== 'linear') await server.service.unregister(version.name, version.version);
  }
}

async function assertClean(): Promise<void> {
  await removeAll();
  assert.deepEqual(readdirSync(unpackFolder()), []);
  assert.deepEqual(readdirSync(store.folder), ['double.mar']);
  const reply = await server.client.predict('linear', [[1, 2, 3]]);
  assert.equal(reply.status, 200);
}

suite('POST /models', () => {
  test('answers any JSON body', async () => {
    const registration = fc
      .tuple(
        fc.dictionary(fc.constantFrom(...fields), anyJson, { noNullPrototype: false }),
        fc.boolean(),
      )
      .map(([others, found]) => (found ? { ...others, url: 'double.mar' } : others));
    await fc.assert(
      fc.asyncProperty(fc.oneof(registration, fc.jsonValue()), async (body) => {
        const headers = { 'content-type': 'application/json' };
        await assertAnswered(await management.send('/models', JSON.stringify(body), { headers }));
        await removeAll();
      }),
      { numRuns: 300 },
    );
    await assertClean();
  });

  test('answers any query', async () => {
    const pair = fc.tuple(fc.constantFrom(...fields), text);
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 8 }), fc.boolean(), async (pairs, found) => {
        const wellFormed = pairs.map(([name, value]): [string, string] => [name, value]);
        if (found) wellFormed.unshift(['url', 'double.mar']);
        const query = new URLSearchParams(wellFormed);
        const reply = await management.send(`/models?${query}`.slice(0, 15_000));
        await assertAnswered(reply);
        await removeAll();
      }),
      { numRuns: 300 },
    );
    await assertClean();
  });

  const deep: [string, string][] = [
    ['a list', `{"url": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['an object', `{"url": ${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`],
    ['a list that does not end', '['.repeat(1_000_000)],
  ];
  for (const [what, body] of deep) {
    test(`refuses ${what} of great depth`, async () => {
      const headers = { 'content-type': 'application/json' };
      const reply = await management.send('/models', body, { headers });
      assert.deepEqual([reply.status, Object(json(reply)).type], [500, 'JsonSyntaxException']);
    });
  }

  const tooLarge: [string, number][] = [
    ['batch_size', 65_536],
    ['max_batch_delay', 3_600_000],
    ['initial_workers', 256],
    ['response_timeout', 86_400],
    ['startup_timeout', 86_400],
  ];
  for (const [parameter, most] of tooLarge) {
    for (const value of [most + 1, 2_147_483_647]) {
      test(`refuses ${value} for ${parameter}`, async () => {
        const reply = await management.send(`/models?url=double.mar&${parameter}=${value}`);
        assert.deepEqual(
          [reply.status, Object(json(reply)).message],
          [400, `${parameter} ${value} is too large: at most ${most}`],
        );
      });
    }
  }

  test('takes a number of workers below 0 for none, as TorchServe', async () => {
    const reply = await management.send('/models?url=double.mar&initial_workers=-1');
    assert.deepEqual(
      [reply.status, Object(json(reply)).status],
      [
        200,
        'Model "double" Version: 1.0 registered with 0 initial workers. Use scale workers API to add workers for the model.',
      ],
    );
    await assertClean();
  });

  test('has left no fault in the log', async () => {
    await logs.close();
    const log = readFileSync(join(folder, 'ts_log.log'), 'utf8');
    assert.doesNotMatch(log, /request failed|INTERNAL/);
  });
});

suite('PUT /models/{model}', () => {
  for (const value of [257, 2_147_483_647]) {
    test(`refuses ${value} instances and changes nothing`, async () => {
      const reply = await management.send(`/models/linear?min_worker=${value}`, '', {
        method: 'PUT',
      });
      assert.deepEqual(
        [reply.status, Object(json(reply)).message],
        [400, `min_worker ${value} is too large: at most 256`],
      );
      assert.equal(server.service.version('linear').minWorkers, 1);
    });
  }

  test('takes any upper bound', async () => {
    const reply = await management.send('/models/linear?max_worker=2147483647', '', {
      method: 'PUT',
    });
    assert.equal(reply.status, 202);
    assert.equal(server.service.version('linear').workers.length, 1);
  });
});

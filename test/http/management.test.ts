import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { until } from '../support/condition.js';
import { isObject } from '../support/expected.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { source, startServer } from '../support/server.js';

const server = await startServer([
  source('linear', { config: { instances: 2, batchSize: 8, responseTimeout: 5 } }),
  source('double'),
  source('double', { version: '2.0' }),
  source('broken', { path: fixture('broken/text') }),
  source('slow', { config: { batchSize: 1, jobQueueSize: 5 } }),
]);
const management = new HttpClient(server.addresses.management);
after(async () => {
  management.close();
  await server.close();
});

const fields = [
  'modelName',
  'modelVersion',
  'modelUrl',
  'runtime',
  'minWorkers',
  'maxWorkers',
  'batchSize',
  'maxBatchDelay',
  'responseTimeout',
  'startupTimeout',
  'maxRetryTimeoutInSec',
  'clientTimeoutInMills',
  'parallelType',
  'parallelLevel',
  'deviceType',
  'continuousBatching',
  'useJobTicket',
  'useVenv',
  'stateful',
  'sequenceMaxIdleMSec',
  'sequenceTimeoutMSec',
  'maxNumSequence',
  'maxSequenceJobQueueSize',
  'loadedAtStartup',
  'workers',
  'jobQueueStatus',
];

function entry(name: string, url = `${name}.pt`): { modelName: string; modelUrl: string } {
  return { modelName: name, modelUrl: url };
}

const all = [entry('broken'), entry('double'), entry('linear'), entry('slow')];

async function list(query: string): Promise<unknown> {
  const reply = await management.get(`/models${query}`);
  assert.equal(reply.status, 200, reply.text);
  return json(reply);
}

async function describe(path: string): Promise<Record<string, unknown>[]> {
  const reply = await management.get(`/models/${path}`);
  assert.equal(reply.status, 200, reply.text);
  const described = json(reply);
  assert.ok(Array.isArray(described) && described.every(isObject));
  return described;
}

async function describeOne(path: string): Promise<Record<string, unknown>> {
  const [only, ...others] = await describe(path);
  assert.ok(only !== undefined && others.length === 0);
  return only;
}

suite('GET /models', () => {
  test('lists the default versions by name, byte for byte as TorchServe', async () => {
    const reply = await management.get('/models?limit=1&next_page_token=1');
    assert.equal(
      reply.text,
      '{\n  "nextPageToken": "2",\n  "models": [\n    {\n      "modelName": "double",\n      "modelUrl": "double.pt"\n    }\n  ]\n}\n',
    );
    assert.equal(reply.headers['content-type'], 'application/json');
  });

  const pages: [string, unknown][] = [
    ['', { models: all }],
    ['/', { models: all }],
    ['?limit=2', { nextPageToken: '2', models: all.slice(0, 2) }],
    ['?limit=2&next_page_token=1', { nextPageToken: '3', models: all.slice(1, 3) }],
    // TorchServe names a next page even when the last one is exactly full.
    ['?limit=2&next_page_token=2', { nextPageToken: '4', models: all.slice(2) }],
    ['?limit=4', { nextPageToken: '4', models: all }],
    ['?limit=5', { models: all }],
    ['?limit=100', { models: all }],
    ['?limit=101', { models: all }],
    ['?limit=-1', { models: all }],
    ['?limit=0', { nextPageToken: '0', models: [] }],
    ['?limit=x', { models: all }],
    ['?limit=1.5', { models: all }],
    ['?limit=', { models: all }],
    ['?limit=99999999999999999999', { models: all }],
    ['?next_page_token=3', { models: all.slice(3) }],
    ['?next_page_token=4', { models: [] }],
    ['?next_page_token=1000', { models: [] }],
    ['?next_page_token=-5', { models: all }],
    ['?next_page_token=x', { models: all }],
  ];
  for (const [query, page] of pages) {
    test(`with "${query}"`, async () => assert.deepEqual(await list(query), page));
  }
});

suite('GET /models/{model}', () => {
  test('describes the default version with the fields of TorchServe in order', async () => {
    const described = await describeOne('linear');
    assert.deepEqual(Object.keys(described), [...fields, 'sconce']);
    const { workers, sconce, ...others } = described;
    const { origins, ...ours } = Object(sconce);
    const { batchSize, maxBatchDelay, minWorkers, warmUp } = Object(origins);
    assert.deepEqual(
      [batchSize, maxBatchDelay, minWorkers, warmUp],
      ['model-config.yaml', 'setting maxBatchDelay', 'model-config.yaml', 'default'],
    );
    assert.deepEqual(
      { ...others, sconce: ours },
      {
        modelName: 'linear',
        modelVersion: '1.0',
        modelUrl: 'linear.pt',
        runtime: 'python',
        minWorkers: 2,
        maxWorkers: 2,
        batchSize: 8,
        maxBatchDelay: 100,
        responseTimeout: 5,
        startupTimeout: 120,
        maxRetryTimeoutInSec: 300,
        clientTimeoutInMills: 0,
        parallelType: '',
        parallelLevel: 0,
        deviceType: 'cpu',
        continuousBatching: false,
        useJobTicket: false,
        useVenv: false,
        stateful: false,
        sequenceMaxIdleMSec: 0,
        sequenceTimeoutMSec: 0,
        maxNumSequence: 0,
        maxSequenceJobQueueSize: 0,
        loadedAtStartup: true,
        jobQueueStatus: { remainingCapacity: 100, pendingRequests: 0 },
        sconce: {
          state: 'ready',
          inputs: 'input: float32[n, …]',
          returns: 'Tensor',
          parameterBytes: 32,
          intraOpThreads: 1,
          handler: 'tensor',
        },
      },
    );
    assert.ok(Array.isArray(workers));
    for (const [i, worker] of workers.entries()) {
      assert.ok(isObject(worker));
      const { startTime, memoryUsage, ...rest } = worker;
      assert.match(String(startTime), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(Number(memoryUsage) > 0);
      assert.deepEqual(rest, {
        id: String(9000 + i),
        status: 'READY',
        pid: process.pid,
        gpu: false,
        gpuUsage: 'N/A',
      });
    }
    assert.equal(workers.length, 2);
  });

  test('describes one version by its name, and all of them', async () => {
    assert.equal((await describeOne('double')).modelVersion, '1.0');
    assert.equal((await describeOne('double/2.0')).modelVersion, '2.0');
    assert.equal((await describeOne('double/2.0/')).modelVersion, '2.0');
    assert.deepEqual(
      (await describe('double/all')).map(({ modelVersion }) => modelVersion),
      ['1.0', '2.0'],
    );
  });

  test('says why a model is not served', async () => {
    const { sconce, workers } = await describeOne('broken');
    assert.ok(isObject(sconce) && Array.isArray(workers) && isObject(workers[0]));
    assert.equal(sconce.state, 'failed');
    assert.match(
      String(sconce.failure),
      /Model "broken" Version 1\.0 cannot be loaded from .*text\.pt: /,
    );
    assert.equal(workers[0].status, 'UNLOADING');
  });

  test('shows what waits in the queue', async () => {
    const version = server.service.version('slow');
    const requests = [[100_000], [0], [0], [0]].map((row, i) => {
      const sent = server.client.predict('slow', [...row, i]);
      return sent;
    });
    await until(() => version.queued === 3 && version.pending === 4);
    const { jobQueueStatus } = await describeOne('slow');
    assert.deepEqual(jobQueueStatus, { remainingCapacity: 2, pendingRequests: 3 });
    await Promise.all(requests);
  });

  const missing: [string, string, string][] = [
    ['nope', 'ModelNotFoundException', 'Model not found: nope'],
    ['nope/all', 'ModelNotFoundException', 'Model not found: nope'],
    ['nope/1.0', 'ModelNotFoundException', 'Model not found: nope'],
    [
      'double/3.0',
      'ModelVersionNotFoundException',
      'Model version: 3.0 does not exist for model: double',
    ],
    [
      'double/1.0/more',
      'ResourceNotFoundException',
      'Requested resource is not found, please refer to API document.',
    ],
  ];
  for (const [path, type, message] of missing) {
    test(`${path} is not there`, async () => {
      const reply = await management.get(`/models/${path}`);
      assert.equal(reply.status, 404);
      assert.deepEqual(json(reply), { code: 404, type, message });
      assert.equal(reply.headers.connection, 'close');
    });
  }
});

suite('methods that the management API does not have', () => {
  const refusal = {
    code: 405,
    type: 'MethodNotAllowedException',
    message: 'Requested method is not allowed, please refer to API document.',
  };
  for (const [path, methods] of [
    ['/models', ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']],
    ['/models/double', ['POST', 'PATCH', 'TRACE']],
    ['/models/double/1.0', ['POST', 'PATCH', 'TRACE']],
    ['/models/double/1.0/set-default', ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']],
    ['/workflows', ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']],
    ['/v1/models/double', ['POST', 'PUT', 'DELETE']],
  ] as const) {
    for (const method of methods) {
      test(`${method} ${path}: 405`, async () => {
        const reply = await management.send(path, undefined, { method });
        assert.deepEqual([reply.status, json(reply)], [405, refusal]);
      });
    }
  }

  test('the root: 405, another path: 404', async () => {
    assert.equal((await management.get('/')).status, 405);
    assert.equal((await management.get('/bogus')).status, 404);
  });

  test('each port has its own API', async () => {
    assert.equal((await management.send('/predictions/double', [1])).status, 404);
    assert.equal((await management.get('/metrics')).status, 404);
    assert.equal((await server.client.get('/models')).status, 404);
    assert.equal((await server.client.get('/metrics')).status, 404);
  });
});

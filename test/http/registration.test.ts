import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Settings } from '../../src/config/settings.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { fixture } from '../support/paths.js';
import { startServer, type TestServer } from '../support/server.js';

/** A server over a store, with a client of its management API. */
class Api implements AsyncDisposable {
  private constructor(
    readonly server: TestServer,
    readonly management: HttpClient,
  ) {}

  static async open(store: ModelStore | undefined, given: Partial<Settings> = {}): Promise<Api> {
    const modelStore = store === undefined ? {} : { modelStore: store.folder };
    const server = await startServer([], { ...modelStore, ...given });
    return new Api(server, new HttpClient(server.addresses.management));
  }

  register(query: string): Promise<HttpReply> {
    return this.management.send(`/models?${query}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.management.close();
    await this.server.close();
  }
}

function assertStatus(reply: HttpReply, code: number, status: string): void {
  assert.deepEqual([reply.status, json(reply)], [code, { status }]);
}

function assertError(reply: HttpReply, code: number, type: string, message: string): void {
  const { reason: _reason, ...error } = Object(json(reply));
  assert.deepEqual([reply.status, error], [code, { code, type, message }]);
}

suite('POST /models', () => {
  test('registers an archive of the store without instances, as TorchServe does', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    assertStatus(
      await api.register('url=double.mar'),
      200,
      'Model "double" Version: 1.0 registered with 0 initial workers. Use scale workers API to add workers for the model.',
    );
    const refused = await api.server.client.predict('double', [1]);
    assertError(
      refused,
      503,
      'ServiceUnavailableException',
      'Model "double" has no worker to serve inference request. Please use scale workers API to add workers. If this is a sequence inference, please check if it is closed, or expired; or exceeds maxSequenceJobQueueSize',
    );
    assert.equal(refused.headers['retry-after'], '1');
  });

  test('answers when the instances run, unless it is told not to wait', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    assertStatus(
      await api.register('url=double.mar&initial_workers=2'),
      200,
      'Model "double" Version: 1.0 registered with 2 initial workers',
    );
    assert.deepEqual(json(await api.server.client.predict('double', [1])), [3]);
    assertStatus(
      await api.register('url=double.mar&model_name=other&initial_workers=1&synchronous=FALSE'),
      202,
      'Processing worker updates...',
    );
    assert.deepEqual(json(await api.server.client.predict('other', [2])), [5]);
  });

  test('takes everything from a JSON body, which goes before the query', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    const body = {
      url: 'double.mar',
      model_name: 'named',
      batch_size: 3,
      initial_workers: 1,
      response_timeout: 7,
      startup_timeout: 8,
      runtime: 'python3',
      handler: 'base_handler',
    };
    const reply = await api.management.send('/models?url=gone.mar', body, {
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    assertStatus(reply, 200, 'Model "named" Version: 1.0 registered with 1 initial workers');
    const [described] = Array(json(await api.management.get('/models/named'))).flat();
    const { batchSize, maxBatchDelay, responseTimeout, startupTimeout, runtime } =
      Object(described);
    assert.deepEqual(
      { batchSize, maxBatchDelay, responseTimeout, startupTimeout, runtime },
      {
        batchSize: 3,
        maxBatchDelay: 100,
        responseTimeout: 7,
        startupTimeout: 8,
        runtime: 'python3',
      },
    );
  });

  const wrong: [string, string, number, string, string][] = [
    ['without a url', '', 400, 'BadRequestException', 'Parameter url is required.'],
    ['with an empty url', 'url=', 404, 'ModelNotFoundException', 'empty url'],
    [
      'for a file that is not there',
      'url=gone.mar',
      404,
      'ModelNotFoundException',
      'Model not found at: gone.mar',
    ],
    [
      'for a path that climbs',
      'url=..%2Fdouble.mar',
      404,
      'ModelNotFoundException',
      'Relative path is not allowed in url: ../double.mar',
    ],
    [
      'for a URL that is not allowed',
      'url=http://127.0.0.1:1/x.mar',
      404,
      'ModelNotFoundException',
      'Given URL http://127.0.0.1:1/x.mar does not match any allowed URL(s)',
    ],
    [
      'with a runtime that is none',
      'url=double.mar&runtime=PYTHON',
      400,
      'BadRequestException',
      'Invalid RuntimeType value: PYTHON',
    ],
  ];
  for (const [what, query, code, type, message] of wrong) {
    test(`is refused ${what}`, async () => {
      using store = new ModelStore();
      await store.add('double');
      await using api = await Api.open(store);
      assertError(await api.register(query), code, type, message);
      assert.deepEqual(json(await api.management.get('/models')), { models: [] });
    });
  }

  test('is refused without a store', async () => {
    await using api = await Api.open(undefined);
    assertError(
      await api.register('url=x.mar'),
      404,
      'ModelNotFoundException',
      'Model store has not been configured.',
    );
  });

  for (const body of ['{', '[]', 'null', '"x"', '']) {
    test(`is refused with the JSON body ${JSON.stringify(body)}`, async () => {
      await using api = await Api.open(undefined);
      const reply = await api.management.send('/models', body, {
        headers: { 'content-type': 'application/json' },
      });
      assert.equal(reply.status, 500);
      assert.equal(Object(json(reply)).type, 'JsonSyntaxException');
    });
  }

  test('of the same version is a conflict', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    await api.register('url=double.mar');
    assertError(
      await api.register('url=double.mar'),
      409,
      'ConflictStatusException',
      'Model version 1.0 is already registered for model double',
    );
  });

  test('that cannot be loaded says why and leaves nothing registered', async () => {
    using store = new ModelStore();
    writeFileSync(join(store.folder, 'bad.pt'), 'no model');
    await using api = await Api.open(store);
    const reply = await api.register('url=bad.pt&initial_workers=1');
    assertError(
      reply,
      500,
      'InternalServerException',
      'Failed to start workers for model bad version: 1.0',
    );
    assert.match(Object(json(reply)).reason, /not a TorchScript file/);
    assert.deepEqual(json(await api.management.get('/models')), { models: [] });
  });

  test('that fails in the background stays visible with the reason', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    assertStatus(
      await api.register('url=double.mar&handler=none&initial_workers=1&synchronous=false'),
      202,
      'Processing worker updates...',
    );
    const [described] = Array(json(await api.management.get('/models/double'))).flat();
    assert.equal(Object(described).sconce.state, 'failed');
    assert.match(Object(described).sconce.failure, /its handler none is not known/);
    const ready = await api.server.client.get('/ready');
    assert.equal(ready.status, 503);
    assert.match(Object(json(ready)).waitingFor.double, /its handler none/);
    assertStatus(await api.server.client.get('/ping'), 200, 'Healthy');
  });

  test('within a startup_timeout of no time fails', async () => {
    using store = new ModelStore();
    await store.add('double');
    await using api = await Api.open(store);
    assertError(
      await api.register('url=double.mar&initial_workers=1&startup_timeout=0'),
      500,
      'InternalServerException',
      'Failed to start workers for model double version: 1.0',
    );
  });

  test('is not there unless the API is enabled, nor is DELETE', async () => {
    await using api = await Api.open(undefined, { enableModelApi: false });
    for (const [path, method] of [
      ['/models?url=x.mar', 'POST'],
      ['/models/x', 'DELETE'],
      ['/models/x/1.0', 'DELETE'],
    ] as const) {
      const reply = await api.management.send(path, undefined, { method });
      assertError(
        reply,
        405,
        'MethodNotAllowedException',
        'Requested method is not allowed, please refer to API document.',
      );
    }
  });
});

suite('a model from a URL', () => {
  test('is kept in the store, and removed from it with the model', async () => {
    using origin = new ModelStore();
    const archive = await origin.add('double');
    const files = createServer((_request, response) => {
      import('node:fs').then(({ createReadStream }) => createReadStream(archive).pipe(response));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => files.once('listening', resolve));
    const address: AddressInfo | string | null = files.address();
    assert.ok(typeof address === 'object' && address !== null);
    const url = `http://127.0.0.1:${address.port}/double.mar`;
    using store = new ModelStore();
    {
      await using api = await Api.open(store, { allowedUrls: ['http://127\\.0\\.0\\.1:.*'] });
      const registered = await api.register(`url=${encodeURIComponent(url)}&initial_workers=1`);
      assert.equal(registered.status, 200, registered.text);
      assert.deepEqual(readdirSync(store.folder), ['double.mar']);
      assertError(
        await api.register(`url=${encodeURIComponent(url)}`),
        500,
        'InternalServerException',
        'Model file already exists double.mar',
      );
      assert.deepEqual(json(await api.server.client.predict('double', [4])), [9]);
      await api.management.send('/models/double', undefined, { method: 'DELETE' });
      assert.deepEqual(readdirSync(store.folder), []);
    }
    files.closeAllConnections();
    await new Promise((resolve) => files.close(resolve));
  });
});

suite('DELETE /models', () => {
  async function remove(api: Api, path: string): Promise<HttpReply> {
    return api.management.send(path, undefined, { method: 'DELETE' });
  }

  test('removes a model and what was unpacked, and not the archive', async () => {
    using store = new ModelStore();
    const archive = await store.add('double');
    await using api = await Api.open(store);
    await api.register('url=double.mar&initial_workers=1');
    const { folder } = api.server.service.version('double').source;
    assertStatus(await remove(api, '/models/double'), 200, 'Model "double" unregistered');
    assert.deepEqual([existsSync(folder), existsSync(archive)], [false, true]);
    assertError(
      await remove(api, '/models/double'),
      404,
      'ModelNotFoundException',
      'Model not found: double',
    );
    assert.equal((await api.server.client.predict('double', [1])).status, 404);
  });

  test('spares the default version while there is another', async () => {
    using store = new ModelStore();
    await store.add('double');
    copyFileSync(fixture('double'), join(store.folder, 'next.pt'));
    writeFileSync(join(store.folder, 'next.yaml'), 'version: "2.0"\n');
    await using api = await Api.open(store);
    await api.register('url=double.mar');
    await api.register('url=next.pt&model_name=double');
    for (const path of ['/models/double', '/models/double/1.0']) {
      assertError(
        await remove(api, path),
        403,
        'InvalidModelVersionException',
        'Cannot remove default version for model double',
      );
    }
    assertError(
      await remove(api, '/models/double/3.0'),
      404,
      'ModelVersionNotFoundException',
      'Model version: 3.0 does not exist for model: double',
    );
    assertStatus(await remove(api, '/models/double/2.0'), 200, 'Model "double" unregistered');
    assertStatus(await remove(api, '/models/double/1.0'), 200, 'Model "double" unregistered');
  });

  test('answers what was in flight first', async () => {
    using store = new ModelStore();
    await store.add('slow');
    await using api = await Api.open(store, { batchSize: 1 });
    await api.register('url=slow.mar&initial_workers=1');
    const version = api.server.service.version('slow');
    const replies = [1, 2, 3].map((i) => api.server.client.predict('slow', [20_000, i]));
    while (version.pending < 3) await new Promise((resolve) => setImmediate(resolve));
    assertStatus(await remove(api, '/models/slow'), 200, 'Model "slow" unregistered');
    for (const [i, reply] of (await Promise.all(replies)).entries()) {
      assert.deepEqual(json(reply), [20_000, i + 1]);
    }
  });
});

import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { ModelStore } from '../support/model-store.js';
import { fixture } from '../support/paths.js';
import { source, startServer } from '../support/server.js';

async function put(client: HttpClient, path: string): Promise<HttpReply> {
  return client.send(path, undefined, { method: 'PUT' });
}

function assertStatus(reply: HttpReply, code: number, status: string): void {
  assert.deepEqual([reply.status, json(reply)], [code, { status }]);
}

function assertError(reply: HttpReply, code: number, type: string, message: string): void {
  const { reason: _reason, ...error } = Object(json(reply));
  assert.deepEqual([reply.status, error], [code, { code, type, message }]);
}

/** What the API shows of the workers of a model. */
async function workers(client: HttpClient, path: string) {
  const [described] = Array(json(await client.get(path))).flat();
  const { minWorkers, maxWorkers, workers: list } = Object(described);
  return {
    minWorkers,
    maxWorkers,
    list: list.map(({ id, status }: { id: string; status: string }) => `${id} ${status}`),
  };
}

suite('PUT /models', () => {
  test('starts and stops instances while requests are answered', async () => {
    await using server = await startServer([source('double')]);
    const client = new HttpClient(server.addresses.management);
    const steps = [3, 1, 2, 4, 1];
    const traffic = (async () => {
      for (let i = 0; i < 300; i += 1) {
        assert.deepEqual(json(await server.client.predict('double', [i])), [2 * i + 1]);
      }
    })();
    for (const count of steps) {
      const reply = await put(client, `/models/double?min_worker=${count}&synchronous=true`);
      assertStatus(reply, 200, `Workers scaled to ${count} for model: double`);
      assert.equal(server.service.version('double').workers.length, count);
    }
    await traffic;
    client.close();
  });

  test('numbers workers on, and stops the newest first', async () => {
    await using server = await startServer([source('double')]);
    const client = new HttpClient(server.addresses.management);
    await put(client, '/models/double?min_worker=3&synchronous=true');
    assert.deepEqual(await workers(client, '/models/double'), {
      minWorkers: 3,
      maxWorkers: 3,
      list: ['9000 READY', '9001 READY', '9002 READY'],
    });
    await put(client, '/models/double?min_worker=1&max_worker=2&synchronous=true');
    assert.deepEqual(await workers(client, '/models/double'), {
      minWorkers: 1,
      maxWorkers: 2,
      list: ['9000 READY', '9001 READY'],
    });
    await put(client, '/models/double/1.0?min_worker=3&synchronous=true');
    assert.deepEqual((await workers(client, '/models/double/1.0')).list, [
      '9000 READY',
      '9001 READY',
      '9003 READY',
    ]);
    client.close();
  });

  test('to nothing answers what is in flight, refuses what is new, and back again', async () => {
    await using server = await startServer([source('slow', { config: { batchSize: 1 } })]);
    const client = new HttpClient(server.addresses.management);
    const version = server.service.version('slow');
    const replies = [1, 2].map((i) => server.client.predict('slow', [20_000, i]));
    while (version.pending < 2) await new Promise((resolve) => setImmediate(resolve));
    assertStatus(
      await put(client, '/models/slow?min_worker=0&synchronous=true'),
      200,
      'Workers scaled to 0 for model: slow',
    );
    assert.equal((await server.client.predict('slow', [0, 3])).status, 503);
    for (const [i, reply] of (await Promise.all(replies)).entries()) {
      assert.deepEqual(json(reply), [20_000, i + 1]);
    }
    const again = await put(client, '/models/slow?min_worker=1&synchronous=true');
    assert.equal(again.status, 200);
    assert.deepEqual(json(await server.client.predict('slow', [0, 4])), [0, 4]);
    client.close();
  });

  test('without waiting says that it goes on', async () => {
    await using server = await startServer([source('double')]);
    const client = new HttpClient(server.addresses.management);
    for (const query of ['', '?min_worker=2', '?min_worker=nan&synchronous=nan']) {
      const reply = await put(client, `/models/double${query}`);
      assertStatus(reply, 202, 'Processing worker updates...');
    }
    client.close();
  });

  const refused: [string, number, string, string][] = [
    [
      '/models/double?min_worker=2&max_worker=1',
      400,
      'BadRequestException',
      'max_worker cannot be less than min_worker.',
    ],
    [
      '/models/double?max_worker=-1',
      400,
      'BadRequestException',
      'max_worker cannot be less than min_worker.',
    ],
    [
      '/models/double?min_worker=-1',
      500,
      'IndexOutOfBoundsException',
      'Index -1 out of bounds for length 0',
    ],
    ['/models/gone', 404, 'ModelNotFoundException', 'Model not found: gone'],
    [
      '/models/double/9.9',
      404,
      'ModelVersionNotFoundException',
      'Model version: 9.9 does not exist for model: double',
    ],
    [
      '/models/double?model_version=8',
      404,
      'ModelVersionNotFoundException',
      'Model version: 8 does not exist for model: double',
    ],
  ];
  for (const [path, code, type, message] of refused) {
    test(`${path} is refused and changes nothing`, async () => {
      await using server = await startServer([source('double')]);
      const client = new HttpClient(server.addresses.management);
      assertError(await put(client, path), code, type, message);
      const { minWorkers, maxWorkers } = server.service.version('double');
      assert.deepEqual([minWorkers, maxWorkers], [1, 1]);
      client.close();
    });
  }

  test('loads a model again that had failed', async () => {
    using store = new ModelStore();
    const path = join(store.folder, 'late.pt');
    writeFileSync(path, 'not yet');
    await using server = await startServer([source('late', { path })]);
    const client = new HttpClient(server.addresses.management);
    assertError(
      await put(client, '/models/late?synchronous=true'),
      500,
      'InternalServerException',
      'Failed to start workers for model late version: 1.0',
    );
    copyFileSync(fixture('double'), path);
    const reply = await put(client, '/models/late?synchronous=true');
    assertStatus(reply, 200, 'Workers scaled to 1 for model: late');
    assert.deepEqual(json(await server.client.predict('late', [1])), [3]);
    client.close();
  });
});

suite('PUT /models/{model}/{version}/set-default', () => {
  test('sends requests without a version to another one, from one moment to the next', async () => {
    await using server = await startServer([
      source('m', { version: '1.0', path: fixture('double') }),
      source('m', { version: '2.0', path: fixture('dtypes') }),
    ]);
    const client = new HttpClient(server.addresses.management);
    const answers: unknown[] = [];
    const traffic = (async () => {
      for (let i = 0; i < 200; i += 1) answers.push(json(await server.client.predict('m', [5])));
    })();
    assertStatus(
      await put(client, '/models/m/2.0/set-default'),
      200,
      'Default version successfully updated for model "m" to "2.0"',
    );
    await traffic;
    const texts = answers.map((answer) => JSON.stringify(answer));
    assert.deepEqual([...new Set(texts)].sort(), ['[11]', '[5]']);
    assert.equal(texts.lastIndexOf('[11]') < texts.indexOf('[5]'), true);
    client.close();
  });

  test('needs a model and a version that are there', async () => {
    await using server = await startServer([source('double')]);
    const client = new HttpClient(server.addresses.management);
    assertError(
      await put(client, '/models/gone/1.0/set-default'),
      404,
      'ModelNotFoundException',
      'Model not found: gone',
    );
    assertError(
      await put(client, '/models/double/2.0/set-default'),
      404,
      'ModelVersionNotFoundException',
      'Model version 2.0 does not exist for model double',
    );
    client.close();
  });
});

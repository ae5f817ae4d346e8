import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { source, startServer } from '../support/server.js';

const broken = source('broken', { path: fixture('broken/truncated') });

suite('/live', () => {
  test('says that the main loop turns, on both listeners', async () => {
    await using server = await startServer([broken]);
    for (const url of [server.addresses.inference, server.addresses.management]) {
      const client = new HttpClient(url);
      const reply = await client.get('/live');
      assert.deepEqual([reply.status, json(reply)], [200, { live: true }]);
      client.close();
    }
  });
});

suite('/ready', () => {
  test('says yes when every model answers, and without models', async () => {
    for (const sources of [[], [source('double')]]) {
      await using server = await startServer(sources);
      const reply = await server.client.get('/ready');
      assert.deepEqual([reply.status, json(reply)], [200, { ready: true }]);
    }
  });

  test('names the models that do not, which /ping takes for healthy', async () => {
    await using server = await startServer([source('double'), broken]);
    server.service.missing('absent', new SconceError('ARCHIVE_NOT_FOUND', 'absent.mar'));
    const reply = await server.client.get('/ready');
    assert.equal(reply.status, 503);
    const { ready, waitingFor } = Object(json(reply));
    assert.equal(ready, false);
    assert.deepEqual(Object.keys(waitingFor).sort(), ['absent', 'broken']);
    assert.match(waitingFor.absent, /absent\.mar/);
    assert.equal((await server.client.get('/ping')).status, 200);
  });

  test('says no while the server closes', async () => {
    const server = await startServer([source('double')]);
    const closed = server.close();
    assert.equal(server.service.health.ready, false);
    await closed;
  });
});

suite('/models/{model}/ready', () => {
  test('says yes of a model that answers', async () => {
    await using server = await startServer([source('double')]);
    const reply = await server.client.get('/models/double/ready');
    assert.deepEqual(
      [reply.status, json(reply)],
      [200, { name: 'double', version: '1.0', ready: true, state: 'ready' }],
    );
  });

  test('says why of one that failed', async () => {
    await using server = await startServer([broken]);
    const reply = await server.client.get('/models/broken/ready');
    assert.equal(reply.status, 503);
    const { failure, ...others } = Object(json(reply));
    assert.deepEqual(others, { name: 'broken', version: '1.0', ready: false, state: 'failed' });
    assert.match(failure, /^Model "broken" Version 1\.0 cannot be loaded from /);
  });

  test('says no of one without instances', async () => {
    await using server = await startServer([source('double')]);
    await server.service.scale('double', undefined, { minWorkers: 0, maxWorkers: 0 }).done;
    const reply = await server.client.get('/models/double/ready');
    assert.deepEqual([reply.status, Object(json(reply)).state], [503, 'unloaded']);
  });

  test('does not know a model that is not there', async () => {
    await using server = await startServer([]);
    const reply = await server.client.get('/models/constructor/ready');
    assert.deepEqual(
      [reply.status, Object(json(reply)).message],
      [404, 'Model not found: constructor'],
    );
  });
});

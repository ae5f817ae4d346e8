import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { source, startServer } from '../support/server.js';

suite('the Open Inference Protocol', () => {
  test('says what the server is and that it lives, in the words of TorchServe', async () => {
    await using server = await startServer([], { tsOpenInferenceProtocol: true });
    const { client } = server;
    assert.deepEqual(json(await client.get('/v2')), {
      name: 'Torchserve',
      version: '0.12.0',
      extenstion: ['kserve', 'kubeflow'],
    });
    assert.deepEqual(json(await client.get('/v2/health/live')), { live: true });
    assert.deepEqual(json(await client.get('/v2/health/ready')), { ready: true });
  });

  test('is not ready while a model is not', async () => {
    const broken = source('broken', { path: fixture('broken/truncated') });
    await using server = await startServer([broken], { tsOpenInferenceProtocol: true });
    const reply = await server.client.get('/v2/health/ready');
    assert.deepEqual([reply.status, json(reply)], [503, { ready: false }]);
  });

  test('predicts, and knows no versions', async () => {
    await using server = await startServer([source('double')], { tsOpenInferenceProtocol: true });
    assert.deepEqual(json(await server.client.send('/v2/models/double/infer', '[1]')), [3]);
    for (const path of ['/v2/models/double/versions/1.0', '/v2/models/x/versions/1/infer']) {
      const reply = await server.client.send(path, '[1]');
      assert.deepEqual(
        [reply.status, json(reply)],
        [501, { error: 'Model versioning is not yet supported.' }],
      );
    }
  });

  test('is not there unless it is turned on', async () => {
    await using server = await startServer([]);
    for (const path of ['/v2', '/v2/health/live', '/v2/health/ready', '/v2/models/x/versions/1']) {
      assert.equal((await server.client.get(path)).status, 404, path);
    }
  });
});

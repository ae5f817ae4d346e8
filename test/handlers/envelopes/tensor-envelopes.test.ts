import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { json } from '../../support/http-client.js';
import { source, startServer } from '../../support/server.js';
import { list, rows, startEnvelopedModels } from './enveloped-models.js';

const { server, client, ask, refused } = await startEnvelopedModels();
after(() => server.close());

function values(list: readonly number[]): string {
  return Buffer.from(new Float32Array(list).buffer).toString('base64');
}

suite('the tensor handler behind `kserve`', () => {
  test('answers instances as it does without', async () => {
    const body = { instances: rows };
    const plain = await client.predict('linear', body);
    const reply = await client.predict('linear-kserve', body);
    assert.equal(reply.text, plain.text);
    assert.equal(reply.headers['content-type'], undefined);
    assert.match(reply.text, /^\{\n {2}"predictions": \[\n {4}\[\n {6}-0\.44/);
  });

  test('answers rows by name, and a model of several inputs and outputs', async () => {
    const instances = [{ ids: [0, 1, 2, 3], weights: [1, 0.5, 0.25, 0] }];
    assert.deepEqual(await ask('pair-kserve', { instances }), await ask('pair', { instances }));
  });

  test('takes JSON alone: other forms are refused, with what is missing', async () => {
    assert.equal(
      await refused('linear-kserve', { features: [1, 2, 3] }),
      '"instances" is missing; the body has "features"',
    );
    assert.equal(
      await refused('linear-kserve', { inputs: rows }),
      '"instances" is missing; the body has "inputs"',
    );
    assert.equal(
      await refused('linear-kserve', [1, 2, 3]),
      'the body: expected an object, found an array',
    );
    assert.equal(await refused('linear-kserve', ''), 'the body is empty; expected JSON');
    assert.match(await refused('linear-kserve', { instances: [[1, 2]] }), /^instances\[0\]/);
  });

  test('answers with JSON whatever is accepted', async () => {
    const headers = { accept: 'application/octet-stream' };
    const reply = await client.predict('linear-kserve', { instances: rows }, { headers });
    assert.deepEqual(json(reply), await ask('linear', { instances: rows }));
    const typed = await client.predict(
      'linear-kserve',
      { instances: rows },
      { headers: { accept: 'application/json' } },
    );
    assert.equal(typed.headers['content-type'], 'application/json');
  });
});

suite('the tensor handler behind `json`', () => {
  test('answers on one line', async () => {
    const { text } = await client.predict('double-json', {
      instances: [
        [1, 2.5],
        [3, 4],
      ],
    });
    assert.equal(text, '{"predictions": [[3.0, 6.0], [7.0, 9.0]]}');
  });

  test('answers on one line also when that is long', async () => {
    const row = Array.from({ length: 50_000 }, (_, i) => i);
    const { text } = await client.predict('double-json', { instances: [row, row] });
    const list = `[${row.map((value) => `${2 * value + 1}.0`).join(', ')}]`;
    assert.ok(text === `{"predictions": [${list}, ${list}]}`);
  });

  test('takes raw bytes in base64', async () => {
    const instances = rows.map((row) => ({ b64: values(row) }));
    assert.deepEqual(await ask('linear-json', { instances }), {
      predictions: list(await ask('linear', { instances: rows })),
    });
    assert.equal(
      await refused('linear-json', { instances: [{ b64: values([1, 2, 3]) }, { b64: 'AAAA' }] }),
      'instances[1]: the body has 3 bytes; a row (features: float32[n, 3]) takes 12, so a multiple of that is expected',
    );
  });
});

suite('which envelope there is', () => {
  test('is for the settings to say, over the head of the model', async () => {
    await using own = await startServer([source('double', { envelope: 'json' })], {
      serviceEnvelope: 'kserve',
    });
    const reply = await own.client.predict('double', { instances: [[1]] });
    assert.equal(reply.text, '{\n  "predictions": [\n    [\n      3.0\n    ]\n  ]\n}');
  });

  test('is refused at registration when it is not known', async () => {
    const message = /^envelope "x" is not known; there are body, json, kserve, kservev2$/;
    assert.throws(
      () => server.service.registerAtStart(source('double', { name: 'new', envelope: 'x' })),
      {
        code: 'INVALID_CONFIGURATION',
        message,
      },
    );
  });

  test('is applied on every route', async () => {
    const body = { instances: [[1]] };
    for (const path of [
      '/v1/models/double-json:predict',
      '/v2/models/double-json/infer',
      '/invocations?model_name=double-json',
    ]) {
      const headers = { 'content-type': 'application/json' };
      const reply = await client.send(path, body, { headers });
      assert.equal(reply.text, '{"predictions": [[3.0]]}', path);
    }
  });
});

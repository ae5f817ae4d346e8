import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ModelConfig } from '../../src/config/model-config.js';
import { json } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';

const bounded: ModelConfig = {
  inputs: [{ name: 'ids', dtype: 'int64', shape: [2], minimum: 0, maximum: 9 }],
};

suite('bounds of integers in the configuration', () => {
  test('refuse what is beyond them, in JSON, in raw bytes and in an envelope', async () => {
    await using server = await startServer([
      source('embedding', { config: bounded }),
      source('wrapped', {
        path: source('embedding').path,
        config: bounded,
        envelope: 'kservev2',
      }),
    ]);
    const { client } = server;
    const bytes = (...ids: bigint[]) => new Uint8Array(BigInt64Array.from(ids).buffer);
    const binary = { headers: { 'content-type': 'application/octet-stream' } };
    const wrapped = (...data: number[]) => ({
      inputs: [{ name: 'ids', shape: [1, 2], datatype: 'INT64', data }],
    });
    for (const reply of [
      await client.predict('embedding', { ids: [0, 9] }),
      await client.predict('embedding', bytes(0n, 9n), binary),
      await client.predict('wrapped', wrapped(0, 9)),
    ]) {
      assert.equal(reply.status, 200, reply.text);
    }
    for (const reply of [
      await client.predict('embedding', { ids: [0, 10] }),
      await client.predict('embedding', bytes(0n, 10n), binary),
      await client.predict('wrapped', wrapped(0, 10)),
    ]) {
      assert.equal(reply.status, 400, reply.text);
      assert.match(reply.text, /ids.*\[1\]: expected an integer from 0 to 9, found 10/);
    }
  });

  test('are not needed on the CPU: LibTorch refuses an index itself', async () => {
    await using server = await startServer([source('embedding')]);
    const reply = await server.client.predict('embedding', [10]);
    assert.equal(reply.status, 503);
    assert.match(Object(json(reply)).message, /index out of range/);
  });
});

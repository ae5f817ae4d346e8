import assert from 'node:assert/strict';
import type { ModelConfig } from '../../../src/config/model-config.js';
import { json } from '../../support/http-client.js';
import { source, startServer, type TestServer } from '../../support/server.js';

const linear: ModelConfig = { inputs: [{ name: 'features', shape: [3] }] };
const pair: ModelConfig = {
  batchSize: 8,
  inputs: [
    { name: 'ids', dtype: 'int64', shape: [4] },
    { name: 'weights', shape: [4] },
  ],
  outputs: [{ name: 'mixed' }, { name: 'best' }],
};

/** Every model behind every envelope, as `linear-json`. */
const sources = ['json', 'kserve', 'kservev2'].flatMap((envelope) => [
  source('linear', { name: `linear-${envelope}`, config: linear, envelope }),
  source('pair', { name: `pair-${envelope}`, config: pair, envelope }),
  source('double', { name: `double-${envelope}`, envelope, config: { batchSize: 4096 } }),
  source('dictionary', { name: `dictionary-${envelope}`, envelope }),
]);
/** Rows of `linear`. */
export const rows = [
  [1, 2, 3],
  [0, 0, 0],
  [-1, 0.5, 1e-3],
];

/** A server of models behind envelopes and without, with what is often asked of it. */
export async function startEnvelopedModels() {
  const server: TestServer = await startServer([
    ...sources,
    source('linear', { config: linear }),
    source('pair', { config: pair }),
    source('double'),
  ]);
  const { client } = server;
  return {
    server,
    client,
    /** The reply to a request that must succeed. */
    ask: async (model: string, body: unknown, headers = {}): Promise<unknown> => {
      const reply = await client.predict(model, body, { headers });
      assert.equal(reply.status, 200, reply.text);
      return json(reply);
    },
    /** The message of a request that must be refused. */
    refused: async (model: string, body: unknown): Promise<string> => {
      const reply = await client.predict(model, body);
      assert.equal(reply.status, 400, reply.text);
      const { message } = Object(json(reply));
      return message;
    },
  };
}

export function list(reply: unknown): unknown[] {
  const { predictions } = Object(reply);
  assert.ok(Array.isArray(predictions));
  return predictions;
}

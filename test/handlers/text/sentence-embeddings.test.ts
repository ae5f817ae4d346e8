import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parseModelConfig } from '../../../src/config/model-config.js';
import { root } from '../../support/paths.js';
import { source, startServer } from '../../support/server.js';

const example = join(root, 'examples/sentence_embeddings');
const folder = join(
  process.env.SCONCE_EXAMPLES ?? join(root, 'examples'),
  'sentence_embeddings/model',
);
const path = join(folder, 'model.pt');
const skip = existsSync(path)
  ? false
  : `${path} is not there: python examples/sentence_embeddings/make_model.py makes it`;

const tolerance = 1e-4;

const { sentences, cosines } = Value.Parse(
  Type.Object({
    sentences: Type.Array(Type.String()),
    cosines: Type.Array(Type.Array(Type.Number())),
  }),
  JSON.parse(readFileSync(join(example, 'expected.json'), 'utf8')),
);

const vectors = Type.Array(Type.Array(Type.Number(), { minItems: 384, maxItems: 384 }));

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function assertCosines(found: readonly (readonly number[])[]): void {
  for (const [i, row] of cosines.entries()) {
    for (const [j, wanted] of row.entries()) {
      const given = cosine(found[i] ?? [], found[j] ?? []);
      assert.ok(
        Math.abs(given - wanted) <= tolerance,
        `${JSON.stringify([sentences[i], sentences[j]])}: ${given}, not ${wanted}`,
      );
    }
  }
}

suite('all-MiniLM-L6-v2 gives the similarities of sentence-transformers', { skip }, () => {
  test('asked together, and one by one', async () => {
    const config = parseModelConfig(
      readFileSync(join(example, 'model-config.yaml'), 'utf8'),
      'model-config.yaml',
    );
    await using server = await startServer([
      source('sentence_embeddings', { path, folder, handler: 'text_embedding', config }),
    ]);
    const { failure } = server.service.version('sentence_embeddings');
    assert.equal(failure, undefined);
    const headers = { 'content-type': 'application/json' };
    const ask = async (body: unknown): Promise<unknown> => {
      const reply = await server.client.predict('sentence_embeddings', body, { headers });
      assert.equal(reply.status, 200, reply.text);
      return JSON.parse(reply.text);
    };
    const together = Value.Parse(vectors, await ask({ inputs: sentences }));
    assertCosines(together);
    const alone = await Promise.all(sentences.map((inputs) => ask({ inputs })));
    assertCosines(Value.Parse(vectors, alone));
  });
});

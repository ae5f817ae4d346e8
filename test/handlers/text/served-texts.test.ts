import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ModelConfig } from '../../../src/config/model-config.js';
import { assertClose } from '../../support/expected.js';
import type { HttpReply } from '../../support/http-client.js';
import { textModels } from '../../support/paths.js';
import { source, startServer } from '../../support/server.js';

const cases = Value.Parse(
  Type.Array(
    Type.Object({
      text: Type.String(),
      answer: Type.Record(Type.String(), Type.Number()),
      targets: Type.Array(Type.Integer()),
      explanations: Type.Array(Type.Unknown()),
    }),
  ),
  JSON.parse(readFileSync(join(textModels, 'bag/expected.json'), 'utf8')),
);

function model(name: string, handler: string, config: ModelConfig) {
  const folder = join(textModels, name);
  return source(name, { path: join(folder, 'model.pt'), folder, handler, config });
}

const sequences: ModelConfig = {
  batchSize: 8,
  inputs: [
    { name: 'input_ids', dtype: 'int64', shape: [-1] },
    { name: 'attention_mask', dtype: 'int64', shape: [-1] },
  ],
};
const server = await startServer([
  model('bag', 'text_classifier', {
    batchSize: 8,
    inputs: [
      { name: 'text', dtype: 'int64', shape: [-1], form: 'joined' },
      { name: 'offsets', form: 'offsets' },
    ],
  }),
  model('sequence', 'text_classifier', sequences),
  model('encoder', 'text_embedding', sequences),
]);
after(() => server.close());

function jsonOf(reply: HttpReply): unknown {
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text);
}

function form(fields: Record<string, string>): [string, { headers: Record<string, string> }] {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return [new URLSearchParams(fields).toString(), { headers }];
}

suite("a model of TorchServe's kind is served as by TorchServe", () => {
  test('texts that are asked at once each get their answer', async () => {
    await Promise.all(
      cases.map(async ({ text, answer }) => {
        assertClose(jsonOf(await server.client.predict('bag', text)), answer, 1e-6);
      }),
    );
  });

  test('explanations are those of Captum, in the form of TorchServe', async () => {
    for (const { text, targets, explanations } of cases) {
      for (const [i, target] of targets.entries()) {
        const asked = form({ data: text, target: String(target) });
        const reply = await server.client.send('/explanations/bag', ...asked);
        assertClose(jsonOf(reply), explanations[i], 1e-5);
      }
    }
  });

  test('a text of one word is explained, where TorchServe fails', async () => {
    const answer = jsonOf(await server.client.send('/explanations/bag', 'one'));
    assert.deepEqual(Object.keys(Object(answer)), ['importances', 'words']);
  });
});

suite('a model of token sequences is explained token by token', () => {
  test('the importances have the length 1', async () => {
    const answer = Value.Parse(
      Type.Object({ importances: Type.Array(Type.Number()), words: Type.Array(Type.String()) }),
      jsonOf(await server.client.send('/explanations/sequence', 'The quick brown fox')),
    );
    assert.equal(answer.words[0], '[CLS]');
    assert.equal(answer.importances.length, answer.words.length);
    assertClose(Math.hypot(...answer.importances), 1, 1e-5);
  });
});

suite('requests that are wrong are answered, and the others with them', () => {
  test('many of all kinds at once', async () => {
    const wrong = ['[]', '[7]', '{"inputs": null}', '{', '[""'].map(async (body) => {
      const headers = { 'content-type': 'application/json' };
      const { status, text } = await server.client.predict('encoder', body, { headers });
      assert.equal(status, 400, text);
    });
    const right = Array.from({ length: 40 }, async (_, i) => {
      const answer = jsonOf(await server.client.predict('encoder', 'word '.repeat(i)));
      assert.ok(Array.isArray(answer) && answer.length === 6);
    });
    const bytes = server.client.predict('encoder', Uint8Array.of(0xc3, 0x28));
    assert.equal((await bytes).status, 400);
    await Promise.all([...wrong, ...right]);
  });

  test('an embedding is not explained', async () => {
    const reply = await server.client.send('/explanations/encoder', 'a text');
    assert.equal(reply.status, 503, reply.text);
  });
});

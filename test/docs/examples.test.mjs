import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../scripts/lib/root.mjs';
import { assertAnswer, examplesIn, serve, textOf } from './curl-examples.mjs';

const documents = [
  'README.md',
  'docs/requests.md',
  'docs/errors.md',
  'docs/quickstart.md',
  'examples/alpha_model/README.md',
];
const models = ['linear', 'pair', 'dictionary', 'embedding', 'double'];

const examples = documents.flatMap(examplesIn);
const store = mkdtempSync(join(tmpdir(), 'sconce-docs-'));
let server;

before(async () => {
  for (const name of models) {
    copyFileSync(join(root, `test/fixtures/models/${name}.pt`), join(store, `${name}.pt`));
  }
  // The configurations are the ones that the documents show.
  const yaml = /```yaml\n(# (\S+\.yaml): [\s\S]*?)```/g;
  for (const [, text, file] of documents.flatMap((path) => [...textOf(path).matchAll(yaml)])) {
    writeFileSync(join(store, file), text);
  }
  server = await serve(store, [
    `alpha_model=${join(root, 'examples/alpha_model')}`,
    ...models.map((m) => `${m}.pt`),
  ]);
});

after(async () => {
  await server?.stop();
  rmSync(store, { recursive: true, force: true });
});

test('every document with examples has some', () => {
  for (const path of documents)
    assert.ok(
      examples.some((example) => example.path === path),
      path,
    );
});

for (const example of examples) {
  test(`${example.path}: ${example.command}`, () => assertAnswer(server.url, example));
}

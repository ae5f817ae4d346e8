import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { modelEntries } from '../../scripts/examples/archive.mjs';
import { ask } from '../../scripts/examples/ask.mjs';
import { examples, folderOf, isMade } from '../../scripts/examples/list.mjs';
import { examplesFolder } from '../../scripts/examples/paths.mjs';
import { examplePython } from '../../scripts/examples.mjs';
import { serve } from '../../scripts/lib/serve-models.mjs';
import { assertAnswer, examplesIn } from '../docs/curl-examples.mjs';

const python = examplePython(process.env);

function reasonToSkip(example) {
  if (example.python && python === undefined) {
    return 'no Python with torchserve: run `node scripts/test-python.mjs`, or set SCONCE_TEST_PYTHON';
  }
  if (isMade(example)) return false;
  return `not made: python examples/${example.name}/make_model.py makes it`;
}

/** Tests against one server of some examples. */
function served(title, chosen, more) {
  const skips = chosen.map(reasonToSkip);
  const skip = skips.every(Boolean) ? skips[0] : false;
  suite(title, { skip }, () => {
    let server;
    const store = mkdtempSync(join(tmpdir(), 'sconce-examples-'));

    before(async () => {
      const entries = [];
      for (const example of chosen) entries.push(...(await modelEntries(example, store, python)));
      server = await serve(store, entries, more);
    });

    after(async () => {
      await server?.stop();
      rmSync(store, { recursive: true, force: true });
    });

    for (const example of chosen) {
      for (const question of example.questions(example)) {
        test(`${example.name}: ${question.model} answers ${question.name} as PyTorch`, async () => {
          assert.equal(await ask(server.url, question), undefined);
        });
      }
      test(`${example.name}: the answers are the same to many at once`, async () => {
        const questions = example.questions(example);
        const asked = Array.from({ length: 5 }, () => questions).flat();
        const differences = await Promise.all(asked.map((question) => ask(server.url, question)));
        assert.deepEqual(
          differences.filter((difference) => difference !== undefined),
          [],
        );
      });
      for (const shown of examplesIn(`examples/${example.name}/README.md`)) {
        test(`${shown.path}: ${shown.command}`, () => assertAnswer(server.url, shown));
      }
    }
  });
}

const alone = examples.filter((example) => example.python || example.made !== undefined);

served(
  'examples',
  examples.filter((example) => !alone.includes(example)),
);
for (const example of alone) {
  served(example.name, [example], example.python ? ['--python', String(python)] : []);
}

test('every folder is an example, with a read-me, a request and what PyTorch answers', () => {
  const folders = readdirSync(examplesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .map(({ name }) => name);
  assert.deepEqual(folders.sort(), examples.map(({ name }) => name).sort());
  for (const example of examples) {
    for (const file of ['README.md', 'expected.json']) {
      assert.ok(existsSync(join(folderOf(example), file)), `${example.name}/${file}`);
    }
    assert.ok(example.questions(example).length > 0, example.name);
  }
});

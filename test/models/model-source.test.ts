import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { findModels, type ModelSource } from '../../src/models/model-source.js';
import { fixture } from '../support/paths.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sconce-models-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function addModel(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  copyFileSync(fixture('linear'), file);
  return file;
}

function addText(text: string, ...path: string[]): string {
  const file = join(folder, ...path);
  writeFileSync(file, text);
  return file;
}

function findOne(entry: string, store?: string): ModelSource {
  const [found, ...others] = findModels([entry], store);
  assert.ok(found !== undefined && others.length === 0);
  return found;
}

/** Fails unless the entries are refused with a message like this. */
function assertRefused(message: RegExp, entries: string[], store?: string): void {
  assert.throws(
    () => findModels(entries, store),
    (error) => {
      assert.ok(error instanceof SconceError);
      assert.equal(error.code, 'INVALID_CONFIGURATION');
      assert.match(error.message, message);
      return true;
    },
  );
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

suite('a model is found', () => {
  test('by the path of its file, and named after it', () => {
    const file = addModel('price.pt');
    assert.deepEqual(findOne(file), {
      name: 'price',
      version: '1.0',
      url: file,
      path: file,
      config: {},
      configPath: undefined,
    });
  });

  test('by the path of its folder, and named after that', () => {
    const file = addModel('price', 'weights.pth');
    const found = findOne(join(folder, 'price'));
    assert.deepEqual([found.name, found.path], ['price', file]);
  });

  test('under the name that is given', () => {
    const file = addModel('price.pt');
    const found = findOne(`other=${file}`);
    assert.deepEqual([found.name, found.url, found.path], ['other', file, file]);
  });

  test('in the store before the working folder', () => {
    const file = addModel('price.pt');
    assert.equal(findOne('price.pt', folder).path, file);
    assert.equal(findOne(`x=${relative(process.cwd(), file)}`).path, file);
  });

  for (const ending of ['pt', 'pth', 'ts', 'torchscript']) {
    test(`with the ending .${ending}`, () => {
      const file = addModel('some', `model.${ending}`);
      assert.equal(findOne(join(folder, 'some')).path, file);
    });
  }

  test('among everything in the store, by name', () => {
    addModel('b.pt');
    addModel('a', 'model.pt');
    mkdirSync(join(folder, 'no-model'));
    addText('', 'notes.txt');
    for (const all of ['all', 'ALL']) {
      assert.deepEqual(
        findModels([all], folder).map(({ name }) => name),
        ['a', 'b'],
      );
    }
  });
});

suite('the configuration of a model is read from', () => {
  const text = 'version: "2.5"\nbatchSize: 4\n';

  test('model-config.yaml in its folder', () => {
    addModel('price', 'model.pt');
    const path = addText(text, 'price', 'model-config.yaml');
    const { version, config, configPath } = findOne(join(folder, 'price'));
    assert.deepEqual([version, config.batchSize, configPath], ['2.5', 4, path]);
  });

  test('<file>.yaml beside a file', () => {
    const file = addModel('price.pt');
    addModel('other.pt');
    const path = addText(text, 'price.yaml');
    addText('batchSize: 9\n', 'model-config.yaml');
    assert.equal(findOne(file).configPath, path);
  });

  test('model-config.yaml beside a file only when it can be meant', () => {
    const file = addModel('price.pt');
    const path = addText(text, 'model-config.yaml');
    assert.equal(findOne(file).configPath, path);
    addModel('other.pt');
    assert.equal(findOne(file).configPath, undefined);
  });
});

suite('a model is refused', () => {
  test('that is not there, with the places that were looked at', () => {
    assertRefused(
      new RegExp(
        `^model not found at: ${literal(join(folder, 'no.pt'))} or ${literal(join(process.cwd(), 'no.pt'))}$`,
      ),
      ['no.pt'],
      folder,
    );
    assertRefused(/^model not found at: \/no\/where\.pt$/, ['/no/where.pt'], folder);
  });

  test('whose folder holds two', () => {
    addModel('price', 'a.pt');
    addModel('price', 'b.pt');
    assertRefused(/price holds a\.pt and b\.pt; name one of them$/, [join(folder, 'price')]);
  });

  test('whose folder holds none', () => {
    mkdirSync(join(folder, 'price'));
    assertRefused(/price holds no TorchScript file \(\.pt, \.pth, \.ts, \.torchscript\)$/, [
      join(folder, 'price'),
    ]);
  });

  for (const name of ['a b', '-x', '.x', 'x/y', '']) {
    test(`under the name "${name}"`, () => {
      const file = addModel('price.pt');
      assertRefused(new RegExp(`^the model name "${name}" may hold letters, digits`), [
        `${name}=${file}`,
      ]);
    });
  }

  test('whose configuration is wrong, with the file, the line and the key', () => {
    addModel('price', 'model.pt');
    const path = addText(
      '# comment\ninputs:\n  - name: x\n    shape: [1]\nbatchSize: many\n',
      'price',
      'model-config.yaml',
    );
    assertRefused(new RegExp(`^${literal(path)}:5: batchSize must be integer$`), [
      join(folder, 'price'),
    ]);
  });

  test('from a store that is not there, or not given, or empty', () => {
    assertRefused(/^--model-store directory not found: \/no\/store$/, [], '/no/store');
    assertRefused(/^--models all needs --model-store$/, ['all']);
    assertRefused(/^no TorchScript file in the model store /, ['all'], folder);
  });
});

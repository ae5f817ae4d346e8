import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { archiveLimits } from '../../src/archive/limits.js';
import { writeArchive } from '../../src/archive/write.js';
import { type ErrorCode, SconceError } from '../../src/errors.js';
import {
  type ModelSource,
  openSource,
  openTrusted,
  type SourceOptions,
  type SourceRequest,
} from '../../src/models/model-source.js';
import { unpackFolder } from '../../src/models/unpack-folder.js';
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

const options: SourceOptions = {
  modelStore: undefined,
  allowedUrls: [],
  downloadTimeout: 1000,
  limits: archiveLimits(1 << 30),
  defaultHandler: undefined,
};

/** Opens a path as the operator may name it. */
function open(path: string, request: Partial<SourceRequest> = {}): Promise<ModelSource> {
  return openTrusted(path, { url: path, ...request }, options);
}

async function assertRefused(
  path: string,
  code: ErrorCode,
  message: RegExp,
  request: Partial<SourceRequest> = {},
): Promise<void> {
  await assert.rejects(open(path, request), (error) => {
    assert.ok(error instanceof SconceError);
    assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

suite('a model is found', () => {
  test('by the path of its file, and named after it', async () => {
    const file = addModel('price.pt');
    const { dispose, ...found } = await open(file);
    assert.deepEqual(found, {
      name: 'price',
      version: '1.0',
      url: file,
      foundAt: file,
      path: file,
      folder,
      handler: 'tensor',
      handlerCode: undefined,
      envelope: undefined,
      runtime: 'python',
      config: {},
      configPath: undefined,
      notes: [],
      archived: false,
      problem: undefined,
    });
    await dispose();
    assert.ok(existsSync(file), 'a file that was not downloaded stays');
  });

  test('by the path of its folder, and named after that', async () => {
    const file = addModel('price', 'weights.pth');
    const found = await open(join(folder, 'price'));
    assert.deepEqual([found.name, found.path, found.archived], ['price', file, false]);
  });

  test('under the name, with the handler and the runtime that are given', async () => {
    const file = addModel('price.pt');
    const request = { name: 'other', handler: 'echo', runtime: 'python3' };
    const { name, handler, runtime } = await open(file, request);
    assert.deepEqual({ name, handler, runtime }, request);
  });

  for (const ending of ['pt', 'pth', 'ts', 'torchscript']) {
    test(`with the ending .${ending}`, async () => {
      const file = addModel('some', `model.${ending}`);
      assert.equal((await open(join(folder, 'some'))).path, file);
    });
  }
});

suite('an archive', () => {
  async function archive(given: Partial<Parameters<typeof writeArchive>[0]> = {}): Promise<string> {
    const serializedFile = addModel('in', 'model.pt');
    return writeArchive({
      modelName: 'price',
      version: '2.0',
      serializedFile,
      handler: 'tensor',
      exportPath: folder,
      ...given,
    });
  }

  test('is unpacked, described by its manifest, and gone after dispose()', async () => {
    const found = await open(await archive());
    assert.deepEqual(
      [found.name, found.version, found.handler, found.archived, found.problem],
      ['price', '2.0', 'tensor', true, undefined],
    );
    assert.deepEqual(readFileSync(found.path), readFileSync(fixture('linear')));
    await found.dispose();
    assert.ok(!existsSync(found.folder));
  });

  test('keeps its configuration beside its model, under any name', async () => {
    const configFile = addText('batchSize: 3\nresponseTimeout: never\n', 'in.yaml');
    const found = await open(await archive({ configFile }));
    assert.equal(found.config.batchSize, 3);
    assert.match(found.notes.join(), /responseTimeout/);
    await found.dispose();
  });

  test('with a Python model names its file, and what its handler is to have installed', async () => {
    const modelFile = addText('class Net: ...', 'net.py');
    const requirementsFile = addText('pillow', 'requirements.txt');
    const found = await open(await archive({ modelFile, requirementsFile }));
    assert.deepEqual([found.modelFile, found.requirementsFile], ['net.py', 'requirements.txt']);
    await found.dispose();
  });

  test('tells whether the code of its handler is in it', async () => {
    const handler = addText('def handle(data, context): ...', 'own.py');
    const found = await open(await archive({ handler }));
    assert.deepEqual(found.handlerCode, {
      language: 'python',
      path: join(found.folder, 'own.py'),
    });
    await found.dispose();
    const other = await open(await archive({ modelName: 'other' }), { handler: '../in/own.py' });
    assert.equal(other.handlerCode, undefined);
    await other.dispose();
  });

  test('whose manifest names a file it does not hold says so', async () => {
    const file = await archive({ archiveFormat: 'no-archive' });
    rmSync(join(file, 'model.pt'));
    const found = await open(file);
    assert.match(found.problem ?? '', /names the file model\.pt, which is not in the archive/);
  });

  test('leaves nothing behind when it is refused', async () => {
    const before = readdirSync(unpackFolder(), { withFileTypes: true }).length;
    const file = await archive();
    await assertRefused(file, 'INVALID_REQUEST', /the model name "a b" may hold/, { name: 'a b' });
    assert.equal(readdirSync(unpackFolder()).length, before);
  });
});

suite('the configuration of a model is read from', () => {
  const text = 'version: "2.5"\nbatchSize: 4\n';

  test('model-config.yaml in its folder', async () => {
    addModel('price', 'model.pt');
    const path = addText(text, 'price', 'model-config.yaml');
    const { version, config, configPath } = await open(join(folder, 'price'));
    assert.deepEqual([version, config.batchSize, configPath], ['2.5', 4, path]);
  });

  test('<file>.yaml beside a file', async () => {
    const file = addModel('price.pt');
    addModel('other.pt');
    const path = addText(text, 'price.yaml');
    addText('batchSize: 9\n', 'model-config.yaml');
    assert.equal((await open(file)).configPath, path);
  });

  test('model-config.yaml beside a file only when it can be meant', async () => {
    const file = addModel('price.pt');
    const path = addText(text, 'model-config.yaml');
    assert.equal((await open(file)).configPath, path);
    addModel('other.pt');
    assert.equal((await open(file)).configPath, undefined);
  });
});

suite('a model', () => {
  test('whose folder holds two files says so', async () => {
    addModel('price', 'a.pt');
    addModel('price', 'b.pt');
    const { problem } = await open(join(folder, 'price'));
    assert.equal(problem, 'it holds a.pt and b.pt; name one of them');
  });

  test('is not taken for the TypeScript beside it', async () => {
    const file = addModel('price', 'a.pt');
    addText('export {};', 'price', 'handler.ts');
    addText('', 'price', 'empty.ts');
    const { problem, path } = await open(join(folder, 'price'));
    assert.deepEqual([problem, path], [undefined, file]);
    addModel('price', 'b.ts');
    const found = await open(join(folder, 'price'));
    assert.equal(found.problem, 'it holds a.pt and b.ts; name one of them');
  });

  test('whose folder holds none says so', async () => {
    mkdirSync(join(folder, 'price'));
    addText('', 'price', 'notes.txt');
    const { problem } = await open(join(folder, 'price'));
    assert.equal(problem, 'it has no TorchScript file (.pt, .pth, .ts, .torchscript)');
  });

  for (const name of ['a b', '-x', '.x', 'x/y', '', '__proto__'.slice(0, 2)]) {
    test(`is refused under the name "${name}"`, async () => {
      const file = addModel('price.pt');
      await assertRefused(file, 'INVALID_REQUEST', /^the model name .* may hold letters, digits/, {
        name,
      });
    });
  }

  test('is refused with a runtime that is none', async () => {
    await assert.rejects(openSource({ url: 'x.mar', runtime: 'java' }, options), {
      code: 'INVALID_RUNTIME',
      message: 'Invalid RuntimeType value: java',
    });
  });

  test('is refused with a wrong configuration, by the file, the line and the key', async () => {
    addModel('price', 'model.pt');
    const path = addText(
      '# comment\ninputs:\n  - name: x\n    shape: [1]\nbatchSize: many\n',
      'price',
      'model-config.yaml',
    );
    await assertRefused(
      join(folder, 'price'),
      'INVALID_CONFIGURATION',
      new RegExp(`^${literal(path)}:5: batchSize must be integer$`),
    );
  });
});

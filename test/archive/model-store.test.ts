import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { defaultModelName, listModelStore } from '../../src/archive/model-store.js';
import { SconceError } from '../../src/errors.js';
import { Workspace } from './workspace.js';

const space = new Workspace();

test('lists folders, archives and TorchScript files, sorted, and nothing else', async () => {
  const files = [
    ...['z.mar', 'y.model', 'x.tar.gz', 'w.tgz', 'v.pt', 'u.pth', 't.ts', 's.torchscript'],
    ...[
      'readme.md',
      'a.tar',
      'b.gz',
      'mar',
      '.hidden.mar',
      '.a.mar.0123.part',
      'c.MAR',
      'v.pt.yaml',
    ],
  ];
  for (const file of files) space.write(`store/${file}`, '');
  mkdirSync(space.path('store/folder'));
  mkdirSync(space.path('store/.git'));
  mkdirSync(space.path('store/a-folder.mar'));
  symlinkSync(space.path('nowhere'), space.path('store/dangling.mar'));
  symlinkSync(space.path('store/z.mar'), space.path('store/link.mar'));
  assert.deepEqual(await listModelStore(space.path('store')), [
    ...['a-folder.mar', 'folder', 'link.mar', 's.torchscript', 't.ts', 'u.pth', 'v.pt', 'w.tgz'],
    ...['x.tar.gz', 'y.model', 'z.mar'],
  ]);
});

test('says that a store cannot be read', async () => {
  await assert.rejects(
    listModelStore(space.path('none')),
    (error) =>
      error instanceof SconceError &&
      error.code === 'MODEL_STORE_MISSING' &&
      /ENOENT/.test(error.reason ?? ''),
  );
});

for (const [file, name] of [
  ['densenet161.mar', 'densenet161'],
  ['my-model.v2.mar', 'my_model_v2'],
  ['alpha.tar.gz', 'alpha_tar'],
  ['alpha.tgz', 'alpha'],
  ['mödel 1.pt', 'm_del_1'],
  ['a_b.model', 'a_b'],
  ['folder-1.0', 'folder_1_0'],
  ['.mar', '_mar'],
  ['', ''],
] as const) {
  test(`the model in ${JSON.stringify(file)} is named ${JSON.stringify(name)} by default`, () => {
    assert.equal(defaultModelName(file), name);
  });
}

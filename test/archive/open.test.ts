import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { archiveLimits } from '../../src/archive/limits.js';
import { openArchive } from '../../src/archive/open.js';
import { SconceError } from '../../src/errors.js';
import { until } from '../support/condition.js';
import { manifestText, modelMembers, tarOf, tgzOf, zipOf } from './archives.js';
import { Workspace } from './workspace.js';

const space = new Workspace();
const weights = 'weights '.repeat(40);

/** Every file under a folder with its text. */
function contentOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]),
  );
}

const modelContent = { 'MAR-INF/MANIFEST.json': manifestText, 'model.pt': weights };

async function assertOpens(name: string, content: Uint8Array): Promise<void> {
  const archive = await space.open(space.write(name, content));
  assert.ok(archive.folder.startsWith(space.temporaryFolder));
  assert.deepEqual(contentOf(archive.folder), modelContent);
  assert.deepEqual(archive.manifest, JSON.parse(manifestText));
  await archive.dispose();
  space.assertClean();
  await archive.dispose();
}

test('unpacks a deflated .mar', () => assertOpens('model.mar', zipOf(modelMembers)));

test('unpacks a stored .mar', () =>
  assertOpens('model.mar', zipOf(modelMembers.map((member) => ({ ...member, method: 0 })))));

test('unpacks a .mar whose sizes are 64-bit numbers', () =>
  assertOpens(
    'model.mar',
    zipOf(
      modelMembers.map((member) => ({ ...member, zip64: true })),
      { zip64: true },
    ),
  ));

test('unpacks entries that lie beyond 4 GiB', async () => {
  const base = 5 * 2 ** 30;
  const members = modelMembers.map((member) => ({ ...member, zip64: true }));
  // Between the first bytes and the last is a hole that takes no room on the disk.
  const path = space.write('model.mar', 'PK');
  const file = await open(path, 'r+');
  await file.write(zipOf(members, { zip64: true, base }), 0, undefined, base);
  await file.close();
  const archive = await space.open(path);
  assert.deepEqual(contentOf(archive.folder), modelContent);
});

test('unpacks a tar.gz without the folder that torch-model-archiver puts in front', async () => {
  const members = modelMembers.map((member) => ({ ...member, name: `densenet/${member.name}` }));
  await assertOpens('model.tar.gz', await tgzOf(members));
});

test('unpacks a tar.gz without such a folder, as SageMaker has it', async () => {
  await assertOpens('model.tgz', await tgzOf(modelMembers));
});

test('unpacks a tar.gz whose names begin with ./', async () => {
  const members = modelMembers.map((member) => ({ ...member, name: `./${member.name}` }));
  await assertOpens('model.model', await tgzOf([{ name: './', type: 'directory' }, ...members]));
});

test('unpacks a tar that is not compressed', async () => {
  await assertOpens('model.tar', await tarOf(modelMembers));
});

test('goes by what a file holds, not by its name', async () => {
  await assertOpens('model.mar', await tgzOf(modelMembers));
  await assertOpens('model.tar.gz', zipOf(modelMembers));
});

test('keeps folders apart that a tar.gz has side by side', async () => {
  const members = [
    { name: 'model.pt', data: 'm' },
    { name: 'code/inference.py', data: 'c' },
  ];
  const archive = await space.open(space.write('a.tgz', await tgzOf(members)));
  assert.deepEqual(contentOf(archive.folder), { 'code/inference.py': 'c', 'model.pt': 'm' });
  assert.equal(archive.manifest, undefined);
});

test('an archive of nothing but a manifest has one', async () => {
  const members = [{ name: 'MAR-INF/MANIFEST.json', data: manifestText }];
  for (const content of [zipOf(members), await tgzOf(members)]) {
    const archive = await space.open(space.write('a', content));
    assert.equal(archive.manifest?.model.modelName, 'densenet161');
  }
});

test('an archive without entries is an empty folder', async () => {
  const archive = await space.open(space.write('a.mar', zipOf([])));
  assert.deepEqual([readdirSync(archive.folder), archive.manifest], [[], undefined]);
});

test('makes empty folders and empty files', async () => {
  const members = [{ name: 'a/' }, { name: 'b/c/' }, { name: 'empty.txt' }];
  const archive = await space.open(space.write('a.mar', zipOf(members)));
  assert.deepEqual(readdirSync(archive.folder).sort(), ['a', 'b', 'empty.txt']);
  assert.ok(statSync(join(archive.folder, 'b/c')).isDirectory());
});

test('a folder may be named before, after and between its files', async () => {
  const members = [
    { name: 'a/x' },
    { name: 'a/' },
    { name: 'b/' },
    { name: 'b/y' },
    { name: 'a/' },
  ];
  const archive = await space.open(space.write('a.mar', zipOf(members)));
  assert.deepEqual(Object.keys(contentOf(archive.folder)), ['a/x', 'b/y']);
});

test('keeps names in other scripts', async () => {
  const members = [
    { name: 'модель.pt', data: 'm' },
    { name: 'データ/重み', data: 'd' },
  ];
  for (const content of [zipOf(members), await tgzOf(members)]) {
    const { folder } = await space.open(space.write('a', content));
    assert.deepEqual(contentOf(folder), { 'データ/重み': 'd', 'модель.pt': 'm' });
  }
});

test('only this user may read what was unpacked', async () => {
  const { folder } = await space.open(space.write('a.mar', zipOf(modelMembers)));
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, 'MAR-INF')).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, 'model.pt')).mode & 0o777, 0o600);
});

test('each opening has a folder of its own', async () => {
  const path = space.write('a.mar', zipOf(modelMembers));
  const [one, other] = await Promise.all([space.open(path), space.open(path)]);
  assert.notEqual(one.folder, other.folder);
  await one.dispose();
  assert.deepEqual(contentOf(other.folder), modelContent);
});

test('makes the temporary folder when it is not there', async () => {
  const path = space.write('a.mar', zipOf(modelMembers));
  await space.open(path);
  rmSync(space.temporaryFolder, { recursive: true });
  const { folder } = await space.open(path);
  assert.deepEqual(contentOf(folder), modelContent);
});

test('content of many pieces comes out whole', async () => {
  const data = Buffer.alloc(3_000_001);
  for (let i = 0; i < data.length; i++) data[i] = (i * 2_654_435_761) >>> 24;
  const members = [
    { name: 'a', data: data.subarray(0, 5) },
    { name: 'b', data },
  ];
  for (const content of [
    zipOf(members),
    zipOf(members.map((member) => ({ ...member, method: 0 }))),
    await tgzOf(members),
  ]) {
    const { folder } = await space.open(space.write('a', content));
    assert.ok(readFileSync(join(folder, 'b')).equals(data));
  }
});

test('uses a folder in place and leaves it', async () => {
  for (const { name, data } of modelMembers) space.write(`store/alpha/${name}`, data);
  const archive = await space.open(space.path('store/alpha'));
  assert.equal(archive.folder, space.path('store/alpha'));
  assert.equal(archive.manifest?.model.modelVersion, '2.1');
  await archive.dispose();
  assert.deepEqual(contentOf(archive.folder), modelContent);
  space.assertClean();
});

test('uses the one folder inside a folder', async () => {
  for (const { name, data } of modelMembers) space.write(`alpha/inner/${name}`, data);
  assert.equal((await space.open(space.path('alpha'))).folder, space.path('alpha/inner'));
});

test('follows no link for a folder inside', async () => {
  mkdirSync(space.path('alpha'));
  symlinkSync('/', space.path('alpha/inner'));
  assert.equal((await space.open(space.path('alpha'))).folder, space.path('alpha'));
});

test('a folder without a manifest has none', async () => {
  space.write('alpha/model.pt', 'm');
  space.write('alpha/MAR-INF', 'a file');
  assert.equal((await space.open(space.path('alpha'))).manifest, undefined);
});

test('a manifest that cannot be used leaves nothing unpacked', async () => {
  for (const [text, message] of [
    ['{', 'Failed to parse signature.json.'],
    ['{"model":{"modelVersion":""}}', 'Model version is not defined.'],
  ] as const) {
    const path = space.write('a.mar', zipOf([{ name: 'MAR-INF/MANIFEST.json', data: text }]));
    await assert.rejects(space.open(path), { code: 'INVALID_ARCHIVE', message });
    space.assertClean();
  }
});

test('refuses a manifest that is a folder, or too long', async () => {
  const folder = zipOf([{ name: 'MAR-INF/MANIFEST.json/x' }]);
  await space.assertRefused('a.mar', folder, 'MAR-INF/MANIFEST.json is no file');
  const data = ' '.repeat(2 ** 20 + 1);
  const long = zipOf([{ name: 'MAR-INF/MANIFEST.json', data }]);
  await space.assertRefused('a.mar', long, 'MAR-INF/MANIFEST.json has more than 1048576 bytes');
});

test('says that there is nothing at a path', async () => {
  const path = space.path('missing.mar');
  await assert.rejects(space.open(path), {
    code: 'ARCHIVE_NOT_FOUND',
    message: `Model not found at: ${path}`,
  });
});

test('refuses what is neither a file nor a folder', async () => {
  await assert.rejects(space.open('/dev/null'), {
    code: 'INVALID_ARCHIVE',
    message: 'null: is neither a file nor a folder',
  });
});

test('says why the system refuses to write', async () => {
  const path = space.write('a.mar', zipOf(modelMembers));
  const temporaryFolder = space.write('no-folder', '');
  await assert.rejects(
    openArchive(path, { temporaryFolder, limits: archiveLimits() }),
    (error) =>
      error instanceof SconceError &&
      error.code === 'SAVE_FAILED' &&
      /EEXIST/.test(error.reason ?? ''),
  );
});

for (const [name, make] of [
  ['zip', async (members: typeof modelMembers) => zipOf(members)],
  ['tar.gz', tgzOf],
] as const) {
  test(`a ${name} that is not opened any more leaves nothing`, async () => {
    const members = Array.from({ length: 200 }, (_, i) => ({ name: `f${i}`, data: 'x' }));
    const path = space.write('a', await make(members));
    const controller = new AbortController();
    const reason = new Error('enough');
    const opening = openArchive(path, {
      temporaryFolder: space.temporaryFolder,
      limits: archiveLimits(),
      signal: controller.signal,
    });
    await until(() => readdirSync(space.temporaryFolder).length > 0);
    controller.abort(reason);
    await assert.rejects(opening, reason);
    space.assertClean();
  });
}

test('does not begin when it is aborted already', async () => {
  const reason = new Error('enough');
  const temporaryFolder = space.path('never');
  await assert.rejects(
    openArchive('/nowhere', {
      temporaryFolder,
      limits: archiveLimits(),
      signal: AbortSignal.abort(reason),
    }),
    reason,
  );
  assert.equal(existsSync(temporaryFolder), false);
});

test('several gzip members are one archive', async () => {
  const tar = await tarOf(modelMembers);
  const content = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]);
  await assertOpens('model.tgz', content);
});

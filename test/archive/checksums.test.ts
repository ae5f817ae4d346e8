import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { firstDamagedEntry } from '../../src/archive/checksums.js';
import { fixture } from '../native/open-model.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sconce-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A copy of a model in which one byte of the given bytes is another. */
function damage(file: string, at: (content: Buffer) => number): string {
  const content = readFileSync(fixture(file));
  const index = at(content);
  content[index] = (content[index] ?? 0) ^ 0x40;
  const path = join(folder, 'damaged.pt');
  writeFileSync(path, content);
  return path;
}

for (const file of ['linear.pt', 'named.pt', 'pair.pt', 'slow.pt']) {
  test(`${file} as it was saved is whole`, async () => {
    assert.equal(await firstDamagedEntry(fixture(file)), undefined);
  });
}

test('a flipped bit in the weights is found, which LibTorch does not notice', async () => {
  // The weights of linear.pt are stored as they are; its bias is the last two floats of data/1.
  const path = damage('linear.pt', (content) => {
    const name = content.indexOf('data/0');
    assert.ok(name > 0);
    const extra = content.readUInt16LE(content.lastIndexOf('PK\u0003\u0004', name) + 28);
    return name + 'data/0'.length + extra + 3;
  });
  assert.match((await firstDamagedEntry(path)) ?? '', /data\/0$/);
});

test('damaged code is found', async () => {
  assert.match((await firstDamagedEntry(fixture('broken/corrupt.pt'))) ?? '', /code|data/);
});

for (const file of ['broken/empty.pt', 'broken/text.pt', 'broken/truncated.pt', 'missing.pt']) {
  test(`${file} is left to the loader to refuse`, async () => {
    assert.equal(await firstDamagedEntry(fixture(file)), undefined);
  });
}

test('an archive may be replaced while nothing is read from it any more', async () => {
  const path = join(folder, 'model.pt');
  copyFileSync(fixture('linear.pt'), path);
  await firstDamagedEntry(path);
  rmSync(path);
  copyFileSync(fixture('pair.pt'), path);
  assert.equal(await firstDamagedEntry(path), undefined);
});

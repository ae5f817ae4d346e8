import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { makeSocketFolder } from '../../src/python/socket-folder.js';
import { Folder } from './worker-sandbox.js';

test('a socket has a folder of its own that nobody else can enter, until it is removed', async () => {
  const { path, remove } = await makeSocketFolder(9001);
  assert.equal(basename(path), '.ts.sock.9001');
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  await remove();
  assert.ok(!existsSync(dirname(path)));
});

test('two workers of one number have two sockets', async () => {
  const [one, two] = await Promise.all([makeSocketFolder(9000), makeSocketFolder(9000)]);
  assert.notEqual(one.path, two.path);
  await Promise.all([one.remove(), two.remove()]);
});

test('where the folder for temporary files has too long a name, another one is taken', async () => {
  using folder = new Folder();
  const long = dirname(folder.write(`${'long'.repeat(25)}/file`, ''));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = long;
  try {
    const { path, remove } = await makeSocketFolder(9000);
    assert.ok(Buffer.byteLength(path) < 104, path);
    await remove();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

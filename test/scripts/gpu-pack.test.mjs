import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dependenciesAreInstalled } from '../../scripts/lib/dependencies.mjs';
import { findExecutable } from '../../scripts/lib/process.mjs';
import { root, temporaryFolder, writeTree } from './support.mjs';

const skip = findExecutable('python3') === null ? 'no python3' : false;

/** A checkout without packages, and beside it a pack whose Node says what it was started with. */
function checkout(t) {
  const folder = writeTree(temporaryFolder(t), {
    'package-lock.json': '{"packages":{}}',
    '.gpu-pack/made/node': '#!/bin/sh\necho "node $*"\n',
    '.gpu-pack/made/modules/.package-lock.json': '{"packages":{}}',
    '.gpu-pack/made/modules/some/index.js': '',
  });
  const made = join(folder, '.gpu-pack/made');
  chmodSync(join(made, 'node'), 0o755);
  utimesSync(join(made, 'modules/.package-lock.json'), 1, 1);
  const archive = join(folder, '.gpu-pack/pack.tar.xz');
  const pack = [join(root, 'scripts/gpu/pack.py'), archive, join(made, 'node')];
  const packed = spawnSync('python3', [...pack, join(made, 'modules')], { encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  copyFileSync(join(root, 'scripts/gpu/run.sh'), join(folder, '.gpu-pack/run.sh'));
  return folder;
}

const start = (folder) =>
  spawnSync('sh', [join(folder, '.gpu-pack/run.sh'), '--time', '60'], { encoding: 'utf8' });

test('the pack unpacks itself into a checkout and runs the check with its own Node', {
  skip,
}, (t) => {
  const folder = checkout(t);
  const first = start(folder);
  assert.equal(first.stdout, 'node scripts/gpu-check.mjs --time 60\n', first.stderr);
  assert.equal(readFileSync(join(folder, 'node_modules/some/index.js'), 'utf8'), '');
  assert.equal(dependenciesAreInstalled(folder), true);
  assert.equal(start(folder).stdout, first.stdout, 'a second time');
});

test('the pack leaves packages alone that somebody else installed', { skip }, (t) => {
  const folder = writeTree(checkout(t), { 'node_modules/own/index.js': 'mine' });
  const { status, stderr } = start(folder);
  assert.equal(status, 1);
  assert.match(stderr, /node_modules is there and was not unpacked by this/);
  assert.equal(readFileSync(join(folder, 'node_modules/own/index.js'), 'utf8'), 'mine');
});

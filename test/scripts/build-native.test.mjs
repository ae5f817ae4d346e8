import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { missingToolsMessage } from '../../scripts/lib/tools.mjs';
import {
  libtorchFiles,
  programFolder,
  root,
  runScript,
  temporaryFolder,
  writeTree,
} from './support.mjs';

/** A copy of the build without native sources, so that nothing is up to date. */
function projectCopy(t) {
  const folder = temporaryFolder(t);
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return writeTree(folder, {
    'package.json': '{"type":"module"}',
    'CMakeLists.txt': '',
    'libtorch/.keep': '',
  });
}

function build(t, programs) {
  const folder = projectCopy(t);
  const libtorch = writeTree(join(folder, 'libtorch'), libtorchFiles('2.13.0'));
  const env = { PATH: programFolder(t, programs), LIBTORCH: libtorch };
  return runScript('build-native.mjs', env, { root: folder });
}

test('a missing compiler is named with the command that installs it', async (t) => {
  const { code, output } = await build(t, { cmake: '', make: '' });
  assert.equal(code, 1);
  assert.match(output, /Building the native addon needs a C\+\+ compiler, not found on PATH/);
  assert.match(
    output,
    process.platform === 'darwin' ? /xcode-select --install/ : /install -y g\+\+\n/,
  );
  assert.doesNotMatch(output, /\n\s+at /);
});

test('a missing cmake is named with the command that installs it', async (t) => {
  const { code, output } = await build(t, { 'c++': '', ninja: '' });
  assert.equal(code, 1);
  assert.match(output, /needs cmake, not found on PATH\. Install with:\n {2}.*install.* cmake\n/);
});

test('all that is missing comes in one message', async (t) => {
  const { code, output } = await build(t, {});
  assert.equal(code, 1);
  assert.match(output, /needs cmake, a C\+\+ compiler and make or ninja, not found/);
});

test('macOS is told of Homebrew and the command line tools', () => {
  assert.equal(
    missingToolsMessage(['cmake', 'a C++ compiler', 'make or ninja'], 'Building', 'darwin'),
    'Building needs cmake, a C++ compiler and make or ninja, not found on PATH. Install with:\n' +
      '  brew install cmake\n  xcode-select --install',
  );
});

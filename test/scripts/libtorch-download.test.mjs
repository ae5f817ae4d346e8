import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { programFolder, runScript, temporaryFolder } from './support.mjs';

/** Where `pip download` is to put the wheel: the word after --dest. */
const readDestination = `
while [ "$1" != --dest ]; do shift; done
destination=$2`;

/** A python3 without torch whose pip does what `download` says. */
function fakePython(download) {
  return {
    python3: `
case "$1 $2 $3" in
  "-m pip --version") exit 0 ;;
  "-m pip download") ${download} ;;
  -c*) exit 0 ;;
  *) ${'unpack "$@"'} ;;
esac`,
  };
}

test('without python3 the message names it and how to install it', async (t) => {
  const cache = temporaryFolder(t);
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: programFolder(t, {}),
    SCONCE_CACHE: cache,
  });
  assert.equal(code, 1);
  assert.match(output, /needs python3, not found on PATH\. Install with:\n {2}\S.*python/);
  assert.doesNotMatch(output, /\n\s+at /);
});

test('without pip the message names it', async (t) => {
  const python3 = 'case "$1" in -m) exit 1 ;; esac';
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: programFolder(t, { python3 }),
    SCONCE_CACHE: temporaryFolder(t),
  });
  assert.equal(code, 1);
  assert.match(output, /needs pip, not found on PATH/);
});

test('a failed download tries the configured indexes, names both reasons and leaves nothing', async (t) => {
  const cache = temporaryFolder(t);
  const download =
    'case "$*" in *--index-url*) echo "ERROR: no way" ;; *) echo "ERROR: none" ;; esac >&2; exit 1';
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: programFolder(t, fakePython(download)),
    SCONCE_CACHE: cache,
    SCONCE_TORCH_INDEX: 'file:///index',
  });
  assert.equal(code, 1);
  assert.match(output, /from file:\/\/\/index: no way\n/);
  assert.match(output, /configured with: none\n/);
  assert.match(output, /SCONCE_LIBTORCH_VARIANT=cuda/);
  assert.deepEqual(readdirSync(cache), []);
});

test('an interrupted download leaves nothing', async (t) => {
  const cache = temporaryFolder(t);
  // The pip of this test writes half a wheel, interrupts the script that started it, and hangs.
  const download = `${readDestination}
    echo half > "$destination/torch.whl"
    kill -INT $PPID
    while :; do :; done`;
  const { signal, output } = await runScript('libtorch.mjs', {
    PATH: programFolder(t, fakePython(download)),
    SCONCE_CACHE: cache,
  });
  assert.equal(signal, 'SIGINT', output);
  assert.deepEqual(readdirSync(cache), []);
});

test('a CUDA build is refused when the CPU build was asked for', {
  skip: process.platform === 'darwin',
}, async (t) => {
  const cache = temporaryFolder(t);
  const { python3 } = fakePython(`${readDestination}; echo wheel > "$destination/torch.whl"`);
  // Unpacks to $3, which is the target.
  const unpack = `unpack() {
    torch=$3/torch
    /bin/mkdir -p $torch/include/torch/csrc/api/include/torch $torch/include/c10 $torch/lib
    : > $torch/include/torch/script.h
    for name in c10 torch torch_cpu torch_cuda; do : > $torch/lib/lib$name.so; done
    echo "__version__ = '2.13.0'" > $torch/version.py
  }`;
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: programFolder(t, { python3: `${unpack}\n${python3}` }),
    SCONCE_CACHE: cache,
  });
  assert.equal(code, 1, output);
  assert.match(output, /offer only a CUDA build of torch 2\.13\.0, and cpu was asked for/);
  assert.match(output, /SCONCE_LIBTORCH_VARIANT=cuda .*LIBTORCH=/);
  assert.deepEqual(readdirSync(cache), []);
});

test('what a killed process left is removed, what a live one writes is not', async (t) => {
  const cache = temporaryFolder(t);
  const key = `libtorch-2.13.0-cpu-${process.platform}-${process.arch}`;
  const live = `${key}.tmp-${hostname()}-${process.pid}-0a`;
  // No process has a number this high.
  for (const name of [live, `${key}.tmp-${hostname()}-99999999-0b`]) mkdirSync(join(cache, name));
  await runScript('libtorch.mjs', {
    PATH: programFolder(t, fakePython('exit 1')),
    SCONCE_CACHE: cache,
  });
  assert.deepEqual(readdirSync(cache), [live]);
});

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheFolder } from '../../scripts/lib/libtorch-download.mjs';
import { libtorchFiles, programFolder, runScript, temporaryFolder, writeTree } from './support.mjs';

const noPrograms = (t) => programFolder(t, {});

/** A python3 that has the torch of `folder`, and no pip. */
const pythonWithTorch = (t, folder) => programFolder(t, { python3: `echo '${folder}'` });

test('LIBTORCH comes before the torch of python3', async (t) => {
  const own = writeTree(temporaryFolder(t), libtorchFiles('2.12.1'));
  const python = writeTree(temporaryFolder(t), libtorchFiles('2.13.0'));
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: pythonWithTorch(t, python),
    LIBTORCH: own,
  });
  assert.equal(code, 0);
  assert.equal(output, `LibTorch 2.12.1 (cpu) from LIBTORCH=${own}\n`);
});

test('a libtorch without version.py is known by its build-version', async (t) => {
  const { 'version.py': _, ...files } = libtorchFiles('2.13.0');
  const own = writeTree(temporaryFolder(t), { ...files, 'build-version': '2.13.0+cpu\n' });
  const { output } = await runScript('libtorch.mjs', { PATH: noPrograms(t), LIBTORCH: own });
  assert.match(output, /^LibTorch 2\.13\.0 \(cpu\) from/);
});

test('a CUDA build is known by its library, and by its CUDA version', {
  skip: process.platform === 'darwin',
}, async (t) => {
  const own = writeTree(temporaryFolder(t), {
    ...libtorchFiles('2.13.0+cu130'),
    'lib/libtorch_cuda.so': '',
  });
  const { output } = await runScript('libtorch.mjs', { PATH: noPrograms(t), LIBTORCH: own });
  assert.match(output, /^LibTorch 2\.13\.0 \(cuda 13\.0\) from/);
});

test('LIBTORCH without headers is refused with what it lacks', async (t) => {
  const own = writeTree(temporaryFolder(t), libtorchFiles('2.13.0'));
  rmSync(join(own, 'include'), { recursive: true });
  const { code, output } = await runScript('libtorch.mjs', { PATH: noPrograms(t), LIBTORCH: own });
  assert.equal(code, 1);
  assert.match(output, /is no LibTorch: it lacks include\/torch\/script\.h, /);
  assert.doesNotMatch(output, /\n\s+at /);
});

test('LIBTORCH of a version that is too old is refused', async (t) => {
  const own = writeTree(temporaryFolder(t), libtorchFiles('2.10.0'));
  const { code, output } = await runScript('libtorch.mjs', { PATH: noPrograms(t), LIBTORCH: own });
  assert.equal(code, 1);
  assert.match(output, /is LibTorch 2\.10\.0; Sconce needs 2\.11 to 2\.14\./);
});

test('a version newer than those tried is taken with a warning', async (t) => {
  const own = writeTree(temporaryFolder(t), libtorchFiles('2.15.0'));
  const { code, output } = await runScript('libtorch.mjs', { PATH: noPrograms(t), LIBTORCH: own });
  assert.equal(code, 0);
  assert.match(output, /Warning: .* 2\.15\.0 is newer and may not build/);
});

test('the torch of python3 comes before the private copy', async (t) => {
  const python = writeTree(temporaryFolder(t), libtorchFiles('2.13.0'));
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: pythonWithTorch(t, python),
    SCONCE_CACHE: privateCopy(t),
  });
  assert.equal(code, 0);
  assert.equal(output, `LibTorch 2.13.0 (cpu) from python3's torch, ${python}\n`);
});

test('a torch of python3 that is too old is passed over', async (t) => {
  const python = writeTree(temporaryFolder(t), libtorchFiles('2.4.0'));
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: pythonWithTorch(t, python),
    SCONCE_CACHE: privateCopy(t),
  });
  assert.equal(code, 0);
  assert.match(output, /The torch of python3 is 2\.4\.0.*not used\nLibTorch 2\.13\.0 \(cpu\) from/);
});

test('the private copy needs no python3', async (t) => {
  const cache = privateCopy(t);
  const { code, output } = await runScript('libtorch.mjs', {
    PATH: noPrograms(t),
    SCONCE_CACHE: cache,
  });
  assert.equal(code, 0);
  assert.ok(output.startsWith(`LibTorch 2.13.0 (cpu) from ${cache}`), output);
});

test('the cache folder follows SCONCE_CACHE, XDG_CACHE_HOME and the platform', () => {
  const env = { HOME: '/home/a', XDG_CACHE_HOME: '/x', SCONCE_CACHE: '/s' };
  assert.equal(cacheFolder(env, 'linux'), '/s');
  assert.equal(cacheFolder({ ...env, SCONCE_CACHE: '' }, 'linux'), '/x/sconce');
  assert.equal(cacheFolder({ HOME: '/home/a' }, 'linux'), '/home/a/.cache/sconce');
  assert.equal(cacheFolder({ HOME: '/home/a' }, 'darwin'), '/home/a/Library/Caches/sconce');
});

/** A cache folder that holds a private copy. */
function privateCopy(t) {
  const key = `libtorch-2.13.0-cpu-${process.platform}-${process.arch}/torch`;
  const cache = temporaryFolder(t);
  writeTree(join(cache, key), libtorchFiles('2.13.0+cpu'));
  return cache;
}

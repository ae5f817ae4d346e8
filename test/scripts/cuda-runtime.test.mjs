import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { findExecutable } from '../../scripts/lib/process.mjs';
import { root, temporaryFolder, writeTree } from './support.mjs';

const skip = findExecutable('cmake') === null ? 'no cmake' : false;

const headers = (version) => ({
  'cuda_runtime_api.h': `#define CUDART_VERSION  ${version}\n`,
});
const crt = { 'crt/host_defines.h': '' };

/** The files of folders, each under its own. */
const under = (tree) =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([folder, files]) =>
      Object.entries(files).map(([name, text]) => [join(folder, name), text]),
    ),
  );

/** Which headers CMake takes for a CUDA 13.0 build of torch among such files. */
function headersFor(t, tree) {
  const folder = writeTree(
    temporaryFolder(t),
    under({ ...tree, 'site/nvidia/cu13/lib': { 'libcudart.so.13': '' }, 'site/torch': { x: '' } }),
  );
  const { stdout, stderr } = spawnSync(
    'cmake',
    [
      `-DLIBTORCH_ROOT=${join(folder, 'site/torch')}`,
      '-DLIBTORCH_CUDA_VERSION=13.0',
      ...['-P', join(root, 'cmake/CudaRuntime.cmake')],
    ],
    { encoding: 'utf8', env: { ...process.env, CUDA_HOME: join(folder, 'toolkit') } },
  );
  const found = /^-- CUDA runtime: (\S+), headers in (.*)$/m.exec(stdout);
  assert.ok(found, stderr);
  assert.equal(found[1], join(folder, 'site/nvidia/cu13/lib/libcudart.so.13'));
  return found[2].split(';').map((path) => path.slice(folder.length + 1));
}

const wheel = 'site/nvidia/cu13/include';

test('the headers of the wheel are enough when it has all of them', { skip }, (t) => {
  const toolkit = { ...headers(13000), ...crt };
  const found = headersFor(t, {
    [wheel]: { ...headers(13000), ...crt },
    'toolkit/include': toolkit,
  });
  assert.deepEqual(found, [wheel]);
});

test('a wheel without crt/ takes it from Triton, which comes with PyTorch', { skip }, (t) => {
  const triton = 'site/triton/backends/nvidia/include';
  const found = headersFor(t, { [wheel]: headers(13000), [triton]: { ...headers(13010), ...crt } });
  assert.deepEqual(found, [wheel, triton]);
});

test('crt/ of the same major version goes before that of another', { skip }, (t) => {
  const triton = 'site/triton/backends/nvidia/include';
  const found = headersFor(t, {
    [wheel]: headers(13000),
    [triton]: { ...headers(12080), ...crt },
    'toolkit/include': { ...headers(13020), ...crt },
  });
  assert.deepEqual(found, [wheel, 'toolkit/include']);
});

test('a toolkit serves when the wheels have no headers', { skip }, (t) => {
  const found = headersFor(t, { 'toolkit/include': { ...headers(13020), ...crt } });
  assert.deepEqual(found, ['toolkit/include']);
});

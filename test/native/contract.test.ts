import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slabHeader } from '../../src/batching/slab-layout.js';
import { addon } from '../../src/native/binding.js';
import { dtypeSize, dtypes } from '../../src/native/dtype.js';
import { allocateShared } from '../../src/native/shared-memory.js';

test('TypeScript and C++ agree on the dtypes, their codes and their sizes', () => {
  assert.deepEqual(
    addon().dtypes,
    dtypes.map((name) => ({ name, size: dtypeSize(name) })),
  );
});

test('TypeScript and C++ agree on the slab header', () => {
  assert.deepEqual(addon().slabHeader, { ...slabHeader });
});

test('the addon names the LibTorch it was built with', () => {
  assert.match(addon().libtorchVersion, /^2\.\d+\.\d+/);
});

test('without a GPU the device count is zero, also in a CUDA build', () => {
  const count = addon().cudaDeviceCount();
  assert.ok(Number.isInteger(count) && count >= 0);
});

test('shared memory starts at a multiple of 64 bytes and has the length asked for', () => {
  for (const bytes of [1, 63, 64, 1000, 1_000_000]) {
    const memory = allocateShared(bytes, 64);
    assert.equal(addon().misalignment(memory, 64), 0);
    assert.equal(memory.byteLength, bytes);
    assert.ok(memory.buffer instanceof SharedArrayBuffer);
  }
});

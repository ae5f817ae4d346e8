import { addon } from './binding.js';

/**
 * Copies bytes to shared memory: V8's own set() goes word by word there.
 *
 * @throws {SconceError} INTERNAL when they do not fit
 */
export function copyToShared(target: Uint8Array, offset: number, source: Uint8Array): void {
  addon().copyBytes(target, offset, source, 0, source.byteLength);
}

/**
 * Shared memory of `bytes` bytes that starts at a multiple of `alignment`. Node aligns to 16
 * bytes, so the block is made a little larger and the view moved.
 *
 * @throws {RangeError} when there is no memory left
 */
export function allocateShared(bytes: number, alignment: number): Uint8Array {
  const memory = new SharedArrayBuffer(bytes + alignment);
  const beyond = addon().misalignment(new Uint8Array(memory), alignment);
  return new Uint8Array(memory, beyond === 0 ? 0 : alignment - beyond, bytes);
}

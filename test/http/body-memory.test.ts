import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { BodyBudget } from '../../src/http/body-budget.js';
import { BodyMemory, smallestPiece } from '../../src/http/body-memory.js';

const mebibyte = 1024 * 1024;

/** Memory for a body that is read and lent at once. */
function lent(memory: BodyMemory, bytes: number): Uint8Array {
  const piece = memory.take(bytes);
  assert.ok(piece !== undefined);
  assert.ok(piece.byteLength >= bytes);
  return memory.lend(piece, bytes);
}

suite('the memory for large bodies', () => {
  test('is used again when its body is released, and not before', () => {
    const memory = new BodyMemory(new BodyBudget(mebibyte));
    const first = lent(memory, smallestPiece);
    const second = lent(memory, smallestPiece);
    assert.notEqual(first.buffer, second.buffer);
    memory.release(first);
    assert.equal(lent(memory, smallestPiece).buffer, first.buffer);
  });

  test('is given to one body only, however often another was released', () => {
    const memory = new BodyMemory(new BodyBudget(mebibyte));
    const first = lent(memory, 100_000);
    memory.release(first);
    const second = lent(memory, 100_000);
    assert.equal(second.buffer, first.buffer);
    memory.release(first);
    memory.release(new Uint8Array(100_000));
    assert.notEqual(lent(memory, 100_000).buffer, second.buffer);
  });

  test('counts while a body is read and while it is idle, and never lies in two bodies', () => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: 300_000 }), end: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new BodyMemory(new BodyBudget(4 * mebibyte));
        const read: SharedArrayBuffer[] = [];
        const bodies: Uint8Array[] = [];
        for (const { bytes, end } of steps) {
          const piece = memory.take(bytes);
          if (piece !== undefined) read.push(piece);
          const oldest = end === 0 ? undefined : read.shift();
          if (oldest !== undefined && end === 1) memory.give(oldest);
          else if (oldest !== undefined) bodies.push(memory.lend(oldest, oldest.byteLength));
          if (end === 3) memory.release(bodies.shift() ?? new Uint8Array());
          const used = read.reduce((sum, { byteLength }) => sum + byteLength, 0);
          assert.equal(memory.budget.used, used + memory.idleBytes);
          const held = [...read, ...bodies.map(({ buffer }) => buffer)];
          assert.equal(new Set(held).size, held.length);
        }
      }),
    );
  });

  test('gives way, while it is idle, to bodies that are being read', () => {
    const memory = new BodyMemory(new BodyBudget(mebibyte));
    memory.release(lent(memory, mebibyte / 2));
    assert.equal(memory.idleBytes, mebibyte / 2);
    assert.ok(memory.reserve(mebibyte / 2 + 1));
    assert.equal(memory.idleBytes, 0);
    assert.equal(memory.take(mebibyte / 2), undefined);
  });

  test('is kept within bounds, and goes when no body has come for ten seconds', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const memory = new BodyMemory(new BodyBudget(1024 * mebibyte));
    const bodies = Array.from({ length: 10 }, () => lent(memory, 16 * mebibyte));
    const huge = lent(memory, 17 * mebibyte);
    assert.equal(memory.budget.used, 0);
    for (const body of [...bodies, huge]) memory.release(body);
    assert.equal(memory.idleBytes, 64 * mebibyte);
    t.mock.timers.tick(9999);
    memory.release(lent(memory, 16 * mebibyte));
    t.mock.timers.tick(9999);
    assert.equal(memory.budget.used, 64 * mebibyte);
    t.mock.timers.tick(1);
    assert.equal(memory.budget.used, 0);
  });
});

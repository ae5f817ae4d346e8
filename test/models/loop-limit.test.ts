import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { longestOnLoop, loopLimit } from '../../src/models/loop-limit.js';

const rows = [1, 2, 4, 8, 16, 32];

test('on two cores all batches run on the main loop that it can bear, if the smallest spares the way', () => {
  const microseconds = [14, 19, 22, 30, 42, 269];
  assert.equal(loopLimit(rows, [14, 19, 22, 30, 42, 69], 20, 2), 32);
  assert.equal(loopLimit(rows, microseconds, 42, 1), 27);
  assert.equal(loopLimit(rows, microseconds, 13, 2), 0);
  assert.equal(loopLimit([1], [14], 100, 2), 1);
});

test('where other cores could compute meanwhile, only those that spare the main loop work', () => {
  const microseconds = [14, 19, 22, 30, 42, 69];
  assert.equal(loopLimit(rows, microseconds, 60, 4), 2);
  assert.equal(loopLimit(rows, microseconds, 30, 4), 0);
});

test('between two numbers of rows the time is taken to grow evenly', () => {
  assert.equal(loopLimit([1, 16, 32], [14, 40, 80], 180, 4), 24);
});

test('a batch that keeps the main loop for long does not run there, however long the way is', () => {
  assert.equal(loopLimit([1, 2], [longestOnLoop, longestOnLoop + 1], 1e6, 2), 1);
  assert.equal(loopLimit([1, 2], [longestOnLoop + 1, 1e4], 1e6, 2), 0);
});

test('times that make no sense allow nothing', () => {
  for (const microseconds of [[], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
    assert.equal(loopLimit([1, 2], microseconds, 100, 2), 0);
  }
  assert.equal(loopLimit([1, 2], [10, 20], Number.NaN, 2), 0);
  assert.equal(loopLimit([], [], 100, 2), 0);
});

test('the limit lies within the rows that were timed, and is never too slow', () => {
  const increasing = fc
    .array(fc.double({ min: 0.1, max: 400, noNaN: true }), { minLength: 6, maxLength: 6 })
    .map((times) => times.sort((a, b) => a - b));
  fc.assert(
    fc.property(increasing, fc.double({ min: 0, max: 1000, noNaN: true }), (times, hop) => {
      const limit = loopLimit(rows, times, hop, 2);
      assert.ok(Number.isInteger(limit) && limit >= 0 && limit <= 32);
      assert.ok(limit === 0 || (times[0] ?? 0) <= hop);
      for (const [i, count] of rows.entries()) {
        if (count <= limit) assert.ok((times[i] ?? 0) <= longestOnLoop);
      }
    }),
  );
});

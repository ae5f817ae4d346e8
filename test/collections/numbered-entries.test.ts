import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { NumberedEntries } from '../../src/collections/numbered-entries.js';

/** Few numbers that meet in the same slots, and large ones. */
const numbers = fc.oneof(
  fc.nat(40),
  fc.nat(8).map((times) => times * 64),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 16, Number.MAX_SAFE_INTEGER),
);

suite('numbered entries', () => {
  test('are those that a Map would have, whatever comes and goes', () => {
    const step = fc.record({ sets: fc.boolean(), number: numbers });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const entries = new NumberedEntries<[number]>();
        const expected = new Map<number, [number]>();
        for (const [at, { sets, number }] of steps.entries()) {
          if (sets) {
            const entry: [number] = [at];
            entries.set(number, entry);
            expected.set(number, entry);
          } else {
            assert.equal(entries.take(number), expected.get(number));
            expected.delete(number);
          }
          assert.equal(entries.size, expected.size);
          for (const known of expected.keys()) {
            assert.equal(entries.get(known), expected.get(known));
          }
        }
        const ordered = [...expected].sort(([a], [b]) => a - b).map(([, entry]) => entry);
        assert.deepEqual(entries.all, ordered);
        assert.deepEqual(entries.takeAll(), ordered);
        assert.deepEqual([entries.size, entries.all], [0, []]);
      }),
    );
  });

  test('keep up with numbers that only ascend', () => {
    const entries = new NumberedEntries<number>();
    const open = 100;
    for (let number = 1; number <= 100_000; number += 1) {
      entries.set(number, number);
      if (number > open) assert.equal(entries.take(number - open), number - open);
    }
    assert.deepEqual(
      entries.all,
      Array.from({ length: open }, (_, i) => 100_001 - open + i),
    );
  });

  test('find nothing by a number that never was one', () => {
    const entries = new NumberedEntries<string>();
    entries.set(0, 'zero');
    for (const number of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 16]) {
      assert.equal(entries.get(number), undefined);
      assert.equal(entries.take(number), undefined);
    }
    for (const number of [-1, 0.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => entries.set(number, 'lost'), RangeError);
    }
    assert.deepEqual(entries.all, ['zero']);
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ArrivalQueue, type QueueEntry } from '../../src/collections/arrival-queue.js';

const step = fc.oneof(
  fc.constantFrom('add' as const, 'addFirst' as const, 'shift' as const),
  fc.nat(30).map((which) => ({ leaves: which })),
);

suite('an arrival queue', () => {
  test('keeps the order in which its members came, whoever leaves', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new ArrivalQueue<number>();
        const entries: QueueEntry<number>[] = [];
        const expected: number[] = [];
        for (const [at, action] of steps.entries()) {
          if (action === 'add') {
            entries.push(queue.add(at));
            expected.push(at);
          } else if (action === 'addFirst') {
            entries.push(queue.addFirst(at));
            expected.unshift(at);
          } else if (action === 'shift') {
            assert.equal(queue.shift(), expected.shift());
          } else {
            const entry = entries[action.leaves];
            if (entry === undefined) continue;
            queue.delete(entry);
            const place = expected.indexOf(entry.member);
            if (place >= 0) expected.splice(place, 1);
          }
          assert.equal(queue.size, expected.length);
          assert.equal(queue.first, expected[0]);
          assert.deepEqual(
            Array.from(queue.entries(), ({ member }) => member),
            expected,
          );
        }
        assert.deepEqual(queue.takeAll(), expected);
        assert.deepEqual([queue.size, queue.first, queue.shift()], [0, undefined, undefined]);
        for (const { before, after, waits } of entries) {
          assert.deepEqual([before, after, waits], [undefined, undefined, false]);
        }
      }),
    );
  });

  test('can be gone through while the entry of the moment leaves', () => {
    const queue = new ArrivalQueue<number>();
    for (let i = 0; i < 6; i += 1) queue.add(i);
    for (const entry of queue.entries()) if (entry.member % 2 === 0) queue.delete(entry);
    assert.deepEqual(queue.takeAll(), [1, 3, 5]);
  });
});

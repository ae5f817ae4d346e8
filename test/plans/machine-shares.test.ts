import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { machineShares } from '../../src/plans/machine-shares.js';
import { wishOf } from './fake-trials.js';

const sharesOf = (cores: number, microseconds: number, given: Parameters<typeof wishOf>[0] = {}) =>
  machineShares(cores, wishOf(given), microseconds).map(
    ({ instances, intraOpThreads }) => `${instances} × ${intraOpThreads}`,
  );

test('the cores are divided in every way that has a chance', () => {
  assert.deepEqual(sharesOf(2, 10_000), ['1 × 2', '2 × 1']);
  assert.deepEqual(sharesOf(8, 10_000), ['1 × 2', '1 × 4', '1 × 8', '2 × 4', '4 × 2', '8 × 1']);
  assert.deepEqual(sharesOf(1, 10_000), []);
});

test('a core is left to the main loop where batches are short', () => {
  assert.deepEqual(sharesOf(2, 500), []);
  assert.deepEqual(sharesOf(4, 500), ['1 × 2', '1 × 3', '3 × 1']);
});

test('what is fixed stays', () => {
  assert.deepEqual(sharesOf(8, 10_000, { asked: { instances: 2 }, fixed: { instances: true } }), [
    '2 × 2',
    '2 × 4',
  ]);
  assert.deepEqual(
    sharesOf(8, 10_000, { asked: { intraOpThreads: 2 }, fixed: { intraOpThreads: true } }),
    ['4 × 2'],
  );
  const both = { instances: true, intraOpThreads: true };
  assert.deepEqual(sharesOf(8, 10_000, { fixed: both }), []);
});

test('there are never more threads than cores, and no way comes twice', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 512 }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 300 }),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(10, 10_000),
      (cores, instances, intraOpThreads, fixedInstances, fixedThreads, time) => {
        const asked = { instances, intraOpThreads };
        const fixed = { instances: fixedInstances, intraOpThreads: fixedThreads };
        const shares = machineShares(cores, wishOf({ asked, fixed }), time);
        for (const share of shares) {
          assert.ok(share.instances * share.intraOpThreads <= cores);
          if (fixedInstances) assert.equal(share.instances, instances);
          if (fixedThreads) assert.equal(share.intraOpThreads, intraOpThreads);
        }
        const names = shares.map((share) => JSON.stringify(share));
        assert.equal(new Set([...names, JSON.stringify(asked)]).size, names.length + 1);
      },
    ),
  );
});

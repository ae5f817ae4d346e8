import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CostModel } from '../../src/batching/cost-model.js';

/** As many batches as it takes to believe them. */
function observe(model: CostModel, rows: number, microseconds: number, times = 32): void {
  for (let i = 0; i < times; i += 1) model.observe(rows, microseconds, 0);
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * expected, `${actual} instead of ${expected}`);
}

describe('what warm-up has measured', () => {
  const model = new CostModel(32);
  model.seed([1, 2, 4, 8], [100, 120, 160, 240]);

  test('is what a batch takes', () => {
    for (const [rows, microseconds] of [
      [1, 100],
      [2, 120],
      [8, 240],
    ] as const) {
      close(model.slow(rows), microseconds);
      close(model.expected(rows), microseconds);
    }
  });

  test('is a straight line between two sizes, and behind the largest', () => {
    close(model.slow(3), 140);
    close(model.slow(6), 200);
    // 80 µs and 20 µs a row.
    close(model.slow(16), 400);
    close(model.slow(32), 720);
  });

  test('never falls with more rows', () => {
    const odd = new CostModel(8);
    odd.seed([1, 2, 4, 8], [100, 90, 300, 200]);
    assert.deepEqual(
      [1, 2, 4, 8].map((rows) => odd.slow(rows)),
      [100, 100, 300, 300],
    );
  });

  test('says nothing where it is missing', () => {
    const partial = new CostModel(8);
    partial.seed([1, 2], []);
    assert.equal(partial.slow(1), 0);
    assert.equal(partial.ceiling, 0);
  });
});

describe('batches that run', () => {
  test('are believed once there are a few of them', () => {
    const model = new CostModel(8);
    for (let i = 0; i < 3; i += 1) model.observe(4, 1000, 0);
    assert.equal(model.slow(4), 0);
    model.observe(4, 1000, 0);
    close(model.slow(4), 1000);
    // Of one size alone nothing is known of α.
    close(model.slow(1), 250);
    close(model.slow(8), 2000);
  });

  test('take the place of what was measured at warm-up', () => {
    const model = new CostModel(8);
    model.seed([1, 8], [100, 800]);
    observe(model, 8, 1600);
    close(model.slow(8), 1600);
    close(model.expected(8), 1600);
    observe(model, 8, 400);
    close(model.slow(8), 400);
  });

  test('change nothing when a single one is slow', () => {
    const model = new CostModel(8);
    model.seed([1, 8], [100, 800]);
    model.observe(8, 1e9, 0);
    close(model.slow(8), 800);
    observe(model, 8, 800, 8);
    model.observe(8, 1e9, 0);
    close(model.slow(8), 800);
  });

  test('are feared to be as slow as nine of ten are, and expected to be as those are on average', () => {
    const model = new CostModel(1);
    for (let i = 1; i <= 32; i += 1) model.observe(1, i, 0);
    close(model.expected(1), 14.5);
    close(model.slow(1), 28);
  });

  test('without rows or without a time say nothing', () => {
    const model = new CostModel(8);
    for (const microseconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      observe(model, 1, microseconds);
    }
    observe(model, 0, 100);
    assert.equal(model.slow(8), 0);
    assert.equal(model.ceiling, 0);
  });

  test('are asked for anew when the last is a while ago', () => {
    const model = new CostModel(8);
    assert.ok(model.isStale(0));
    model.observe(1, 100, 5000);
    assert.ok(!model.isStale(6000));
    assert.ok(model.isStale(6001));
  });
});

test('whatever was seen, estimates are finite, never negative, never fall with more rows, and are not above the ceiling', () => {
  const seen = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0.001, max: 1e12, noNaN: true })),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(seen, fc.integer({ min: 1, max: 256 }), (batches, capacity) => {
      const model = new CostModel(capacity);
      for (const [rows, microseconds] of batches) model.observe(rows, microseconds, 0);
      const { ceiling } = model;
      let before = 0;
      for (let rows = 1; rows <= capacity; rows += 1) {
        const slow = model.slow(rows);
        assert.ok(Number.isFinite(slow) && slow >= before * (1 - 1e-9), `${slow} < ${before}`);
        assert.ok(model.expected(rows) <= slow * (1 + 1e-9));
        before = slow;
      }
      assert.ok(before <= ceiling * (1 + 1e-9), `${before} > ${ceiling}`);
      assert.ok(model.ceiling <= ceiling * (1 + 1e-9));
    }),
  );
});

test('a straight line is found from any of its points', () => {
  const points = fc.uniqueArray(fc.integer({ min: 1, max: 16 }), { minLength: 2, maxLength: 8 });
  const [alpha, beta] = [fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 100 })];
  fc.assert(
    fc.property(points, alpha, beta, (sizes, a, b) => {
      const model = new CostModel(64);
      for (const rows of sizes) observe(model, rows, a + b * rows);
      for (let rows = 1; rows <= 64; rows += 1) close(model.slow(rows), a + b * rows);
    }),
  );
});

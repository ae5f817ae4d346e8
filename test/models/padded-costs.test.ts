import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { CostModel } from '../../src/batching/cost-model.js';
import { paddedCosts } from '../../src/models/padded-costs.js';

suite('the costs of batches that are padded', () => {
  test('are those of the next size that has a graph', () => {
    assert.deepEqual(paddedCosts([1, 2, 4, 8], [10, 11, 13, 17], [1, 2, 4, 8]), {
      rows: [1, 2, 3, 4, 5, 8],
      microseconds: [10, 11, 13, 13, 17, 17],
    });
  });

  test('are as they were measured where nothing is padded', () => {
    const rows = [1, 2, 4, 8];
    const microseconds = [10, 11, 13, 17];
    assert.deepEqual(paddedCosts(rows, microseconds, []), { rows, microseconds });
  });

  test('between sizes without graphs are straight lines again', () => {
    // Batches of one row are padded to two; what is above four runs as it is.
    assert.deepEqual(paddedCosts([1, 2, 4, 8], [11, 11, 13, 90], [2, 4]), {
      rows: [1, 2, 3, 4, 8],
      microseconds: [11, 11, 13, 13, 90],
    });
  });

  test('make a cost model expect the padded batch, which never falls with more rows', () => {
    const time = fc.double({ min: 1, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(fc.array(time, { minLength: 6, maxLength: 6 }), (given) => {
        const sizes = [1, 2, 4, 8, 16, 32];
        const microseconds = [...given].sort((a, b) => a - b);
        const model = new CostModel(32);
        const costs = paddedCosts(sizes, microseconds, sizes);
        model.seed(costs.rows, costs.microseconds);
        let before = 0;
        for (let rows = 1; rows <= 32; rows += 1) {
          const padded = microseconds[sizes.findIndex((size) => size >= rows)] ?? 0;
          const slow = model.slow(rows);
          assert.ok(Math.abs(slow - padded) <= 1e-9 * padded, `${rows} rows: ${slow}, ${padded}`);
          assert.ok(slow >= before * (1 - 1e-9));
          before = slow;
        }
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { budgetThreads } from '../../src/models/thread-budget.js';

suite('the cores are divided among the instances', () => {
  const divisions = [
    { cores: 1, instances: 1, each: 1 },
    { cores: 2, instances: 1, each: 1 },
    { cores: 8, instances: 1, each: 7 },
    { cores: 8, instances: 2, each: 3 },
    { cores: 8, instances: 7, each: 1 },
    { cores: 8, instances: 8, each: 1 },
    { cores: 64, instances: 4, each: 15 },
  ];
  for (const { cores, instances, each } of divisions) {
    test(`${cores} cores, ${instances} instances: ${each} threads each`, () => {
      const budget = budgetThreads(cores, instances, 0);
      assert.deepEqual(budget, { instances, intraOpThreads: each, warning: undefined });
    });
  }

  test('never so that there are more threads than cores, while instances allow it', () => {
    for (let cores = 1; cores <= 128; cores += 1) {
      for (let instances = 1; instances <= cores; instances += 1) {
        const { intraOpThreads, warning } = budgetThreads(cores, instances, 0);
        assert.ok(intraOpThreads >= 1 && instances * intraOpThreads <= cores);
        assert.equal(warning, undefined);
      }
    }
  });
});

suite('what the operator asks for', () => {
  test('is taken', () => {
    assert.equal(budgetThreads(8, 2, 4).intraOpThreads, 4);
    assert.equal(budgetThreads(8, 2, 4).warning, undefined);
  });

  test('is taken with a warning when it is more than the cores', () => {
    const { intraOpThreads, warning } = budgetThreads(4, 2, 8);
    assert.equal(intraOpThreads, 8);
    assert.match(warning ?? '', /^2 instances × 8 threads are more than the 4 cores/);
    assert.match(budgetThreads(4, 9, 0).warning ?? '', /^9 instances × 1 threads/);
  });
});

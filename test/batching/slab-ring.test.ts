import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CostModel } from '../../src/batching/cost-model.js';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { type SlabInRing, SlabRing, slabCapacity } from '../../src/batching/slab-ring.js';
import { FakeInstances } from './fake-instances.js';

const inputs = [{ dtype: 'float32' as const, dims: [16] }];

function ring(limit: number): { ring: SlabRing; budget: SlabBudget } {
  const budget = new SlabBudget(limit);
  const slabs = new Map<number, SlabInRing>();
  const options = {
    inputs,
    batchSize: 8,
    outputBytes: 0,
    exclusive: false,
    costs: new CostModel(8),
    now: 0,
  };
  return { ring: new SlabRing(new FakeInstances(), slabs, budget, options), budget };
}

test('one huge output does not make the slabs of a model too large to be had', () => {
  const { ring: slabs, budget } = ring(1 << 20);
  slabs.growOutputs(1e12);
  const slab = slabs.nextOpen('m');
  assert.ok(slab.layout.outputBytes <= budget.limit / 8);
  assert.equal(slab.reserve(1), 0);
});

test('when there is no memory for outputs in the slab there is a slab without them', () => {
  const { ring: slabs } = ring(6 * 2688 + 700);
  slabs.growOutputs(2048);
  const taken = [];
  for (;;) {
    try {
      taken.push(slabs.nextOpen('m').layout.outputBytes);
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'MEMORY_FULL');
      break;
    }
  }
  assert.ok(taken.includes(2048));
  assert.equal(taken.at(-1), 0);
});

test('a slab holds a batch, or fewer rows when they are large', () => {
  assert.equal(slabCapacity(inputs, 8, 1 << 20), 8);
  assert.equal(slabCapacity([{ dtype: 'float32', dims: [1000] }], 64, 1 << 17), 3);
  assert.equal(slabCapacity([{ dtype: 'float32', dims: [100_000] }], 64, 1 << 20), 1);
});

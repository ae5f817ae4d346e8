import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SlabBudget, type SlabHolder } from '../../src/batching/slab-budget.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { Bench } from './bench.js';

/** Idle slabs that can be had back. */
class Idle implements SlabHolder {
  constructor(
    private readonly budget: SlabBudget,
    readonly lastUsed: number,
    public bytes = 0,
  ) {
    budget.join(this);
  }

  take(bytes: number): SlabBudget | undefined {
    const full = this.budget.take(bytes, this);
    if (full === undefined) this.bytes += bytes;
    return full;
  }

  releaseIdle(): number {
    const { bytes } = this;
    this.budget.give(bytes);
    this.bytes = 0;
    return bytes;
  }
}

describe('the budget of a model', () => {
  test('is a part of the whole, and says by name when it is used up', () => {
    const whole = new SlabBudget(1000);
    const part = whole.within(300, 'maxMemory of the model');
    const holder = new Idle(part, 0);
    assert.equal(holder.take(300), undefined);
    assert.deepEqual([whole.used, part.used], [300, 300]);
    assert.equal(holder.take(1), part);
    assert.equal(part.setting, 'maxMemory of the model');
    part.give(300);
    assert.deepEqual([whole.used, part.used], [0, 0]);
  });

  test('makes room among its own, and leaves others alone', () => {
    const whole = new SlabBudget(1000);
    const part = whole.within(300, 'maxMemory of the model');
    const other = new Idle(whole, 0);
    const [older, newer] = [new Idle(part, 1), new Idle(part, 2)];
    other.take(500);
    older.take(200);
    assert.equal(newer.take(200), undefined);
    assert.deepEqual([older.bytes, newer.bytes, other.bytes], [0, 200, 500]);
  });

  test('gives idle memory to other models when the whole is used up', () => {
    const whole = new SlabBudget(1000);
    const holder = new Idle(whole.within(300, 'maxMemory of the model'), 1);
    const other = new Idle(whole, 2);
    holder.take(300);
    assert.equal(other.take(800), undefined);
    assert.deepEqual([holder.bytes, whole.used], [0, 800]);
  });

  test('takes nothing when the whole has nothing to give', () => {
    const whole = new SlabBudget(1000);
    const part = whole.within(300, 'maxMemory of the model');
    const busy: SlabHolder = { lastUsed: 0, releaseIdle: () => 0 };
    assert.equal(whole.take(900, busy), undefined);
    assert.equal(part.take(200, busy), whole);
    assert.deepEqual([whole.used, part.used], [900, 0]);
  });

  test('above the whole is the whole', () => {
    const whole = new SlabBudget(1000);
    assert.equal(whole.within(1000, 'maxMemory of the model'), whole);
  });
});

describe('a model whose memory is used up', () => {
  const inputs: TensorSpec[] = [{ dtype: 'float32', dims: [64] }];

  test('refuses with the name of its limit, though there is more for others', () => {
    const whole = new SlabBudget(1 << 20);
    const bench = new Bench({ batchSize: 1 }, whole.within(1 << 14, 'maxMemory of the model'));
    const fill = (): void => {
      for (let i = 0; i < 100; i += 1) bench.reserve([1], { inputs });
    };
    assert.throws(fill, {
      code: 'MEMORY_FULL',
      message:
        'Model "m" has no memory for another batch: all of maxMemory of the model (16384 bytes) is in use. Try again later.',
    });
    assert.ok(whole.used <= 1 << 14);
  });

  test('says so of a row that is larger', () => {
    const whole = new SlabBudget(1 << 20);
    const bench = new Bench({}, whole.within(1 << 14, 'maxMemory of the model'));
    assert.throws(() => bench.reserve([1], { inputs: [{ dtype: 'float32', dims: [1 << 14] }] }), {
      code: 'INVALID_REQUEST',
      message: /maxMemory of the model allows 16384$/,
    });
  });
});

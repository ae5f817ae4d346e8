import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { Assembler, type AssemblerOptions } from '../../src/batching/assembler.js';
import type { Reservation, RowsOwner } from '../../src/batching/reservation.js';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { layOut } from '../../src/batching/slab-layout.js';
import { SconceError } from '../../src/errors.js';
import type { BatchOutputs } from '../../src/tensors/batch-outputs.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { FakeInstances, oneFloat } from './fake-instances.js';

const scalar: TensorSpec[] = [{ dtype: 'float32', dims: [] }];

/** Lets the event loop turn until the bell has been rung for everything that is there. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 6; i += 1) await turn();
}

/** Somebody who asked for rows, and everything that was said to them. */
class Client implements RowsOwner {
  answers: number[][] = [];
  errors: SconceError[] = [];
  outputs: BatchOutputs | undefined;
  reservation: Reservation | undefined;
  cancelled = false;

  constructor(readonly values: readonly number[]) {}

  answered(outputs: BatchOutputs, firstRow: number): void {
    const [slice] = outputs.slices(firstRow, this.values.length);
    assert.ok(slice);
    const floats = new Float32Array(slice.buffer, slice.byteOffset, this.values.length);
    this.answers.push([...floats]);
    this.outputs = outputs;
  }

  failed(error: SconceError): void {
    this.errors.push(error);
  }

  /** Lets go of the outputs, as a reply that is written does. */
  release(): void {
    this.outputs?.release();
    this.outputs = undefined;
  }
}

class Bench {
  readonly instances = new FakeInstances();
  readonly budget: SlabBudget;
  readonly assembler: Assembler;

  constructor(options: Partial<AssemblerOptions> = {}, budgetBytes = 1 << 20) {
    this.budget = new SlabBudget(budgetBytes);
    this.assembler = new Assembler(
      this.instances,
      this.budget,
      {
        modelName: 'm',
        modelVersion: '1.0',
        declaredInputs: 'x: float32[n]',
        batchSize: 4,
        queueSize: 100,
        responseTimeout: 60_000,
        clientTimeout: 0,
        batchDelay: 0,
        maxShapes: 4,
        ...options,
      },
      () => oneFloat,
    );
  }

  /** Reserves and writes rows; commit is up to the caller. */
  reserve(values: readonly number[], key = '', inputs = scalar): Client {
    const client = new Client(values);
    const reservation = this.assembler.reserve(key, inputs, values.length, client);
    client.reservation = reservation;
    const { memory } = reservation.slab;
    const floatsPerRow = Math.max(1, inputs[0]?.dims.reduce((a, b) => a * b, 1) ?? 1);
    const floats = new Float32Array(
      memory.buffer,
      memory.byteOffset + (reservation.offsets()[0] ?? 0),
      values.length * floatsPerRow,
    );
    for (const [i, value] of values.entries()) floats[i * floatsPerRow] = value;
    return client;
  }

  /** Reserves, writes and commits. */
  ask(...values: number[]): Client {
    const client = this.reserve(values);
    client.reservation?.commit();
    return client;
  }

  /** Runs everything that is rung until nothing is. */
  async runAll(): Promise<void> {
    await quiet();
    for (const id of this.instances.in('rung')) {
      this.instances.seal(id);
      this.assembler.complete(this.instances.complete(id));
    }
  }
}

describe('a batch', () => {
  test('requests of one turn run together, each gets its own rows', async () => {
    const bench = new Bench();
    const clients = [bench.ask(1), bench.ask(2, 3), bench.ask(4)];
    await quiet();
    assert.equal(bench.instances.in('rung').length, 1);
    await bench.runAll();
    assert.deepEqual(
      clients.map(({ answers }) => answers),
      [[[3]], [[5, 7]], [[9]]],
    );
  });

  test('the bell is rung at once for a full slab, and for others when no more requests come', async () => {
    const bench = new Bench();
    for (let i = 0; i < 10; i += 1) bench.ask(i);
    assert.equal(bench.instances.in('rung').length, 2);
    await quiet();
    assert.equal(bench.instances.in('rung').length, 3);
  });

  test('requests that keep coming do not hold up the bell for ever', async () => {
    const bench = new Bench({ batchSize: 1000, queueSize: 1000 });
    let turns = 0;
    while (bench.instances.in('rung').length === 0) {
      bench.ask(turns);
      await turn();
      turns += 1;
      assert.ok(turns < 10, 'the bell is not rung');
    }
  });

  test('rows that come after the bell still join the batch until it is sealed', async () => {
    const bench = new Bench();
    const first = bench.ask(1);
    await quiet();
    const second = bench.ask(2);
    await bench.runAll();
    assert.deepEqual([first.answers, second.answers], [[[3]], [[5]]]);
  });

  test('a row that comes after the seal goes to another slab', async () => {
    const bench = new Bench();
    const first = bench.ask(1);
    await quiet();
    const [id] = bench.instances.in('rung');
    assert.ok(id);
    bench.instances.seal(id);
    const second = bench.ask(2);
    await quiet();
    bench.assembler.complete(bench.instances.complete(id));
    await bench.runAll();
    assert.deepEqual([first.answers, second.answers], [[[3]], [[5]]]);
  });

  test('when a batch completes before the next row arrives, nobody waits for ever', async () => {
    const bench = new Bench();
    for (let i = 0; i < 20; i += 1) {
      const client = bench.ask(i);
      await bench.runAll();
      assert.deepEqual(client.answers, [[i * 2 + 1]]);
      client.release();
    }
    assert.equal(bench.instances.slabs.size, 1);
  });

  test('a failing row fails its own request', async () => {
    const bench = new Bench();
    const [good, bad] = [bench.ask(1), bench.ask(2, -1)];
    await bench.runAll();
    assert.deepEqual(good.answers, [[3]]);
    assert.equal(bad.errors[0]?.code, 'MODEL_FAILED');
    assert.match(
      bad.errors[0]?.message ?? '',
      /^Prediction failed: negative to model "m" version 1\.0, which takes x: float32\[n\]$/,
    );
  });

  test('an owner that throws costs no other its answer', async () => {
    const bench = new Bench();
    const [first, second] = [bench.ask(1), bench.ask(2)];
    first.answered = () => {
      throw new Error('a mistake');
    };
    await quiet();
    const [id] = bench.instances.in('rung');
    assert.ok(id);
    bench.instances.seal(id);
    const event = bench.instances.complete(id);
    assert.throws(() => bench.assembler.complete(event), /a mistake/);
    assert.deepEqual(second.answers, [[5]]);
    second.release();
    assert.equal(bench.assembler.pending, 0);
  });

  test('a slab is not used again before the last of its answers is read', async () => {
    const bench = new Bench();
    bench.ask(0).release();
    await bench.runAll(); // learns the size of the outputs
    const client = bench.ask(1);
    await bench.runAll();
    const block = client.outputs?.block;
    assert.ok(block);
    for (let i = 0; i < 5; i += 1) {
      const other = bench.ask(50 + i);
      await bench.runAll();
      other.release();
    }
    assert.equal(new Float32Array(block.buffer, block.byteOffset, 1)[0], 3);
    client.release();
  });

  test('output areas grow to what the model returns, and stay', async () => {
    const bench = new Bench();
    const first = bench.ask(1);
    await bench.runAll();
    assert.notEqual(first.outputs?.block.buffer instanceof SharedArrayBuffer, true);
    first.release();
    const second = bench.ask(1);
    await bench.runAll();
    assert.ok(second.outputs?.block.buffer instanceof SharedArrayBuffer);
    second.release();
  });
});

describe('admission', () => {
  test('a full queue refuses, and what an instance has taken does not count', async () => {
    const bench = new Bench({ queueSize: 4 });
    for (let i = 0; i < 4; i += 1) bench.ask(i);
    assert.throws(() => bench.ask(9), { code: 'NO_CAPACITY' });
    await quiet();
    for (const id of bench.instances.in('rung')) bench.instances.seal(id);
    for (let i = 0; i < 4; i += 1) bench.ask(i);
    assert.throws(() => bench.ask(9), { code: 'NO_CAPACITY' });
    assert.equal(bench.assembler.queued, 4);
    assert.equal(bench.assembler.pending, 8);
  });

  test('no rows and more rows than a batch takes are refused', () => {
    const bench = new Bench();
    for (const values of [[], [1, 2, 3, 4, 5]]) {
      assert.throws(() => bench.reserve(values), {
        code: 'INVALID_REQUEST',
        message: `the request has ${values.length} rows; a batch takes 1 to 4`,
      });
    }
  });

  test('memory over the budget is refused; idle rings of other shapes make room', async () => {
    const shape = (length: number): TensorSpec[] => [{ dtype: 'float32', dims: [length] }];
    const bytes = layOut(shape(32), 4, 64).bytes;
    const bench = new Bench({}, bytes * 8);
    const clients = [];
    for (let length = 20; length < 28; length += 1) {
      const client = bench.reserve([length], `${length}`, shape(length));
      client.reservation?.commit();
      await bench.runAll();
      client.release();
      clients.push(client);
      assert.ok(bench.budget.used <= bench.budget.limit);
    }
    assert.ok(clients.every(({ answers }) => answers.length === 1));
    const held = [];
    assert.throws(
      () => {
        for (let i = 0; i < 100; i += 1) held.push(bench.reserve([1], 'big', shape(32)));
      },
      { code: 'MEMORY_FULL' },
    );
    assert.ok(bench.budget.used <= bench.budget.limit);
  });

  test('rows too large for the budget are refused by name; large ones get fewer to a slab', () => {
    const bench = new Bench({ batchSize: 64 }, 1 << 16);
    assert.throws(() => bench.reserve([1], 'huge', [{ dtype: 'float32', dims: [1 << 20] }]), {
      code: 'INVALID_REQUEST',
      message: /a row of this shape takes \d+ bytes; slabMemory allows 65536/,
    });
    const client = bench.reserve([1], 'large', [{ dtype: 'float32', dims: [1024] }]);
    assert.ok((client.reservation?.slab.layout.capacity ?? 64) < 64);
  });

  test('more shapes than are kept push out the one that was idle longest', async () => {
    const bench = new Bench({ maxShapes: 2 });
    for (let length = 1; length <= 6; length += 1) {
      const client = bench.reserve([length], `${length}`, [{ dtype: 'float32', dims: [length] }]);
      client.reservation?.commit();
      await bench.runAll();
      client.release();
    }
    assert.ok(bench.instances.slabs.size <= 2);
  });
});

describe('going away', () => {
  test('a cancelled request hears nothing and its row is not run', async () => {
    const bench = new Bench();
    const [kept, gone] = [bench.ask(1), bench.ask(2)];
    gone.reservation?.cancel();
    await bench.runAll();
    assert.deepEqual([kept.answers, gone.answers, gone.errors], [[[3]], [], []]);
    assert.equal(bench.assembler.pending, 0);
  });

  test('a request that is not answered in time gets RESPONSE_TIMEOUT, and its late answer nobody', async () => {
    const bench = new Bench({ responseTimeout: 5 });
    const client = bench.ask(1);
    await quiet();
    const [id] = bench.instances.in('rung');
    assert.ok(id);
    bench.instances.seal(id);
    while (client.errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(client.errors[0]?.code, 'RESPONSE_TIMEOUT');
    assert.equal(client.errors[0]?.message, 'Model "m" Version 1.0 did not answer within 5 ms.');
    bench.assembler.complete(bench.instances.complete(id));
    assert.deepEqual(client.answers, []);
  });

  test('a slab with a writer left behind is never used again', async () => {
    const bench = new Bench();
    const late = bench.reserve([1]);
    const good = bench.ask(2);
    await bench.runAll();
    assert.equal(late.errors[0]?.code, 'WRITER_TIMEOUT');
    assert.deepEqual(good.answers, [[5]]);
    const { slab } = late.reservation ?? {};
    good.release();
    assert.ok(slab && !bench.instances.slabs.has(slab.id), 'the slab is gone');
    late.reservation?.commit();
    await bench.runAll();
    const next = bench.ask(3);
    assert.notEqual(next.reservation?.slab, slab);
  });

  test('when the instances are gone requests fail, and close does not wait for them', async () => {
    const bench = new Bench();
    bench.instances.ring = () => {
      throw new SconceError('MODEL_CLOSED', 'm', '1.0');
    };
    const client = bench.ask(1);
    await quiet();
    assert.equal(client.errors[0]?.code, 'MODEL_CLOSED');
    await bench.assembler.close();
    assert.equal(bench.budget.used, 0);
  });

  test('close answers what is admitted, refuses what is new, gives all memory back', async () => {
    const bench = new Bench();
    const client = bench.ask(1);
    let closed = false;
    const closing = bench.assembler.close().then(() => {
      closed = true;
    });
    assert.throws(() => bench.ask(2), { code: 'MODEL_CLOSED' });
    await bench.runAll();
    await quiet();
    assert.equal(closed, false, 'an answer is still being read');
    client.release();
    await closing;
    assert.deepEqual(client.answers, [[3]]);
    assert.equal(bench.instances.slabs.size, 0);
    assert.equal(bench.budget.used, 0);
  });
});

/** One thing that may happen next; indices choose among what is possible at that moment. */
type Step =
  | { kind: 'ask'; rows: number; key: number; negative: boolean; commit: boolean }
  | { kind: 'commit' | 'discard' | 'cancel' | 'release' | 'seal' | 'complete'; index: number }
  | { kind: 'turn' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      rows: fc.integer({ min: 1, max: 4 }),
      key: fc.integer({ min: 1, max: 3 }),
      negative: fc.boolean(),
      commit: fc.boolean(),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'commit' as const,
        'discard' as const,
        'cancel' as const,
        'release' as const,
        'seal' as const,
        'complete' as const,
      ),
      index: fc.nat(100),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
);

function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(1, items.length)];
}

test('in every order of reserve, commit, discard, cancel, seal, complete and release each request hears exactly once, of its own rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const bench = new Bench({ queueSize: 8, maxShapes: 2 }, 1 << 14);
      const { instances, assembler } = bench;
      const clients: Client[] = [];
      const unsettled = (): Client[] =>
        clients.filter(({ reservation }) => reservation?.settled === false);
      let nextValue = 1;
      const take = (current: Step): void => {
        if (current.kind === 'turn') return;
        if (current.kind === 'ask') {
          const values = Array.from({ length: current.rows }, () => nextValue++);
          if (current.negative) values[0] = -1;
          const inputs: TensorSpec[] = [{ dtype: 'float32', dims: [current.key] }];
          try {
            const client = bench.reserve(values, `${current.key}`, inputs);
            clients.push(client);
            if (current.commit) client.reservation?.commit();
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error);
            assert.ok(error.code === 'NO_CAPACITY' || error.code === 'MEMORY_FULL');
          }
          return;
        }
        const { kind, index } = current;
        if (kind === 'commit') pick(unsettled(), index)?.reservation?.commit();
        if (kind === 'discard') {
          const client = pick(unsettled(), index);
          if (client !== undefined) {
            if (client.reservation?.waiting) client.cancelled = true;
            client.reservation?.discard();
          }
        }
        if (kind === 'cancel') {
          const client = pick(clients, index);
          if (client?.reservation?.waiting) {
            client.cancelled = true;
            client.reservation.cancel();
          }
        }
        if (kind === 'release') {
          pick(
            clients.filter(({ outputs }) => outputs !== undefined),
            index,
          )?.release();
        }
        if (kind === 'seal') {
          const id = pick(instances.in('rung'), index);
          if (id !== undefined) instances.seal(id);
        }
        if (kind === 'complete') {
          // Sometimes while a writer has not settled: then it is left behind.
          const id = pick(instances.in('sealed'), index);
          if (id !== undefined) assembler.complete(instances.complete(id));
        }
      };
      for (const current of steps) {
        if (current.kind === 'turn') await turn();
        else take(current);
        assert.deepEqual(instances.violations, []);
        assert.ok(bench.budget.used <= bench.budget.limit);
      }
      // Let everything end: writers settle, instances run, answers are read.
      for (const client of unsettled()) client.reservation?.commit();
      await quiet();
      while (instances.in('rung').length + instances.in('sealed').length + assembler.pending > 0) {
        await quiet();
        for (const id of instances.in('rung')) instances.seal(id);
        for (const id of instances.in('sealed')) assembler.complete(instances.complete(id));
      }
      for (const client of clients) client.release();
      await assembler.close();
      for (const client of clients) {
        const heard = client.answers.length + client.errors.length;
        assert.equal(heard, client.cancelled ? 0 : 1);
        const [answer] = client.answers;
        if (answer !== undefined) {
          assert.deepEqual(
            answer,
            client.values.map((value) => value * 2 + 1),
          );
        }
        for (const error of client.errors) {
          assert.ok(['MODEL_FAILED', 'WRITER_TIMEOUT'].includes(error.code));
        }
      }
      assert.deepEqual(instances.violations, []);
      assert.equal(instances.slabs.size, 0, 'every slab is given back');
      assert.equal(bench.budget.used, 0);
    }),
    { numRuns: 500 },
  );
});

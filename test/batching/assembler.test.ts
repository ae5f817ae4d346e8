import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { layOut } from '../../src/batching/slab-layout.js';
import { SconceError } from '../../src/errors.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { Bench, type Client, quiet } from './bench.js';

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

  test('an owner that throws when all fail costs no other its answer', async () => {
    const bench = new Bench();
    const [first, second] = [bench.ask(1), bench.ask(2)];
    first.failed = () => {
      throw new Error('a mistake');
    };
    await quiet();
    const error = new SconceError('DEVICE_FAILED', 'cuda:0: CUDA error: unknown error');
    assert.throws(() => bench.assembler.fail(error), /a mistake/);
    assert.deepEqual(second.errors, [error]);
    assert.equal(bench.assembler.pending, 0);
    await bench.runAll();
    assert.deepEqual([first.answers, second.answers], [[], []]);
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

  test('while the instances are idle the requests of the next batch do not count', async () => {
    const bench = new Bench({ queueSize: 2, batchSize: 8 });
    for (let i = 0; i < 7; i += 1) bench.ask(i);
    await quiet();
    // The bell has been rung: from now on an instance has work, and they wait for it.
    assert.throws(() => bench.ask(9), { code: 'NO_CAPACITY' });
    const id = bench.seal();
    for (let i = 0; i < 2; i += 1) bench.ask(i);
    assert.throws(() => bench.ask(9), { code: 'NO_CAPACITY' });
    bench.complete(id);
    await bench.runAll();
    assert.equal(bench.assembler.pending, 0);
  });

  test('the load is what waits for an instance, and the batches that are with one', async () => {
    const bench = new Bench({ batchSize: 2 });
    const load = () => bench.assembler.load;
    bench.ask(1);
    assert.deepEqual(load(), { waiting: 0, running: 0 });
    await quiet();
    assert.deepEqual(load(), { waiting: 1, running: 0 });
    const first = bench.seal();
    bench.ask(2);
    bench.ask(3);
    assert.deepEqual(load(), { waiting: 2, running: 1 });
    const second = bench.seal();
    assert.deepEqual(load(), { waiting: 0, running: 2 });
    bench.complete(first);
    bench.complete(second);
    assert.deepEqual(load(), { waiting: 0, running: 0 });
  });

  test('no rows are refused', () => {
    const bench = new Bench();
    assert.throws(() => bench.reserve([]), {
      code: 'INVALID_REQUEST',
      message: 'the request has no rows',
    });
  });

  test('more rows than a batch takes are a batch of their own, which nobody joins', async () => {
    const bench = new Bench();
    const many = bench.ask(1, 2, 3, 4, 5);
    const few = bench.ask(6);
    const more = bench.ask(7, 8, 9, 10, 11, 12);
    await quiet();
    assert.equal(bench.instances.in('rung').length, 3);
    await bench.runAll();
    assert.deepEqual(many.answers, [[3, 5, 7, 9, 11]]);
    assert.deepEqual(few.answers, [[13]]);
    assert.deepEqual(more.answers, [[15, 17, 19, 21, 23, 25]]);
  });

  test('more rows than memory allows for are refused with the number that it does', () => {
    const bench = new Bench({}, 8 * layOut([{ dtype: 'float32', dims: [1] }], 8, 0).bytes);
    const values = Array.from({ length: 100_000 }, () => 1);
    assert.throws(() => bench.reserve(values), {
      code: 'INVALID_REQUEST',
      message: /^the request has 100000 rows; slabMemory allows for \d+ of this shape$/,
    });
  });

  test('memory over the budget is refused; idle rings of other shapes make room', async () => {
    const shape = (length: number): TensorSpec[] => [{ dtype: 'float32', dims: [length] }];
    const bytes = layOut(shape(32), 4, 64).bytes;
    const bench = new Bench({}, bytes * 8);
    const clients = [];
    for (let length = 20; length < 28; length += 1) {
      const client = bench.reserve([length], { key: `${length}`, inputs: shape(length) });
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
        for (let i = 0; i < 100; i += 1)
          held.push(bench.reserve([1], { key: 'big', inputs: shape(32) }));
      },
      { code: 'MEMORY_FULL' },
    );
    assert.ok(bench.budget.used <= bench.budget.limit);
  });

  test('rows too large for the budget are refused by name; large ones get fewer to a slab', () => {
    const bench = new Bench({ batchSize: 64 }, 1 << 16);
    assert.throws(() => bench.reserve([1], { inputs: [{ dtype: 'float32', dims: [1 << 20] }] }), {
      code: 'INVALID_REQUEST',
      message: /a row of this shape takes \d+ bytes; slabMemory allows 65536/,
    });
    const client = bench.reserve([1], { inputs: [{ dtype: 'float32', dims: [1024] }] });
    assert.ok((client.reservation?.slab.layout.capacity ?? 64) < 64);
  });

  test('more shapes than are kept push out the one that was idle longest', async () => {
    const bench = new Bench({ maxShapes: 2 });
    for (let length = 1; length <= 6; length += 1) {
      const client = bench.reserve([length], {
        key: `${length}`,
        inputs: [{ dtype: 'float32', dims: [length] }],
      });
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

  test('a row that is written too late for its batch goes with the next', async () => {
    const bench = new Bench();
    const late = bench.reserve([1]);
    const good = bench.ask(2);
    await bench.runAll();
    assert.deepEqual([late.answers, late.errors, good.answers], [[], [], [[5]]]);
    const { slab } = late.reservation ?? {};
    good.release();
    const next = bench.ask(3);
    assert.notEqual(next.reservation?.slab, slab, 'a slab that is written to is not used again');
    late.reservation?.commit();
    await bench.runAll();
    assert.deepEqual([late.answers, next.answers], [[[3]], [[7]]]);
  });

  test('a row that is settled between the seal and the end of its batch goes with the next', async () => {
    const bench = new Bench();
    const late = bench.reserve([1]);
    bench.ask(2);
    await quiet();
    const id = bench.seal();
    const event = bench.instances.complete(id);
    late.reservation?.commit();
    bench.assembler.complete(event);
    await bench.runAll();
    assert.deepEqual([late.answers, late.errors], [[[3]], []]);
  });

  test('a row that is given up too late gives its slab back', async () => {
    const bench = new Bench();
    const late = bench.reserve([1]);
    bench.ask(2).release();
    await bench.runAll();
    late.reservation?.discard();
    await bench.runAll();
    assert.deepEqual([late.answers, late.errors], [[], []]);
    assert.equal(bench.assembler.pending, 0);
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

  test('when a batch is lost with its instance each of its requests fails, and close ends', async () => {
    const bench = new Bench({ batchSize: 2 });
    const lost = [bench.ask(1), bench.ask(2), bench.ask(3)];
    await quiet();
    bench.seal();
    bench.instances.removeSlab = () => {};
    bench.assembler.abandon('an instance failed');
    for (const { answers, errors } of lost) {
      assert.deepEqual(answers, []);
      assert.deepEqual(
        errors.map(({ message }) => message),
        [
          'Prediction failed: an instance failed; lost is what was given to model "m" version 1.0, which takes x: float32[n]',
        ],
      );
    }
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

/** A millisecond: the timers may come between any two steps that a turn lies between. */
const policy = fc.record({
  batchDelay: fc.constantFrom(0, 1),
  clientTimeout: fc.constantFrom(0, 1),
});

function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(1, items.length)];
}

test('in every order of reserve, commit, discard, cancel, seal, complete and release each request hears exactly once, of its own rows', async () => {
  await fc.assert(
    fc.asyncProperty(policy, fc.array(step, { maxLength: 60 }), async (options, steps) => {
      const bench = new Bench({ queueSize: 8, maxShapes: 2, ...options }, 1 << 14);
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
            const client = bench.reserve(values, { key: `${current.key}`, inputs });
            clients.push(client);
            if (current.commit) client.reservation?.commit();
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error);
            // The last two where a busy machine takes longer than clientTimeout for a batch, or just to
            // come here.
            const refusals = ['NO_CAPACITY', 'MEMORY_FULL', 'BACKLOG_TOO_LONG', 'CLIENT_TIMEOUT'];
            assert.ok(refusals.includes(String(error.code)), String(error.code));
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
      let closed = false;
      const closing = assembler.close().then(() => {
        closed = true;
      });
      while (!closed) {
        await quiet();
        for (const id of instances.in('rung')) instances.seal(id);
        for (const id of instances.in('sealed')) bench.complete(id);
        for (const client of clients) client.release();
      }
      await closing;
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
          assert.ok(['MODEL_FAILED', 'MEMORY_FULL', 'CLIENT_TIMEOUT'].includes(error.code));
        }
      }
      assert.deepEqual(instances.violations, []);
      assert.equal(instances.slabs.size, 0, 'every slab is given back');
      assert.equal(bench.budget.used, 0);
    }),
    { numRuns: 500 },
  );
});

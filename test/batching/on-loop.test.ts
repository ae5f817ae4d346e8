import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Clock, realClock } from '../../src/batching/clock.js';
import type { BatchOutputs } from '../../src/tensors/batch-outputs.js';
import { Bench, Client, quiet } from './bench.js';
import { VirtualClock } from './virtual-clock.js';

function onLoop(batchSize: number, clock: Clock = realClock): Bench {
  const bench = new Bench({ batchSize, clock });
  bench.instances.runsOnLoop = true;
  return bench;
}

/** Asks again as soon as it is answered, so many times. */
class Persistent extends Client {
  constructor(
    private readonly bench: Bench,
    private more: number,
  ) {
    super([1]);
  }

  override answered(outputs: BatchOutputs, firstRow: number): void {
    super.answered(outputs, firstRow);
    this.release();
    if (this.more === 0) return;
    this.more -= 1;
    this.ask();
  }

  ask(): void {
    const { assembler } = this.bench;
    const scalar = [{ dtype: 'float32' as const, dims: [] }];
    assembler.reserve('', scalar, 1, this).commit();
  }
}

describe('batches that run within the bell', () => {
  test('are answered when whoever rang is done', async () => {
    const bench = onLoop(1);
    const client = bench.reserve([1]);
    client.reservation?.commit();
    assert.deepEqual(client.answers, [], 'not from within commit()');
    await null;
    assert.deepEqual(client.answers, [[3]]);
  });

  test('hold what the end of a turn finds', async () => {
    const bench = onLoop(4);
    const clients = [bench.ask(1), bench.ask(2, 3)];
    await quiet();
    assert.deepEqual(
      clients.map(({ answers }) => answers),
      [[[3]], [[5, 7]]],
    );
  });

  test('are one in each turn: instances have the others', async () => {
    const clock = new VirtualClock();
    const bench = onLoop(1, clock);
    const clients = [bench.ask(1), bench.ask(2), bench.ask(3)];
    await null;
    const answers = () => clients.map((client) => client.answers);
    assert.deepEqual(answers(), [[[3]], [], []]);
    assert.equal(bench.instances.in('rung').length, 2);
    clock.turn();
    clients.push(bench.ask(4));
    await null;
    assert.deepEqual(answers(), [[[3]], [], [], [[9]]]);
    await bench.runAll();
    assert.deepEqual(answers(), [[[3]], [[5]], [[7]], [[9]]]);
  });

  test('may bring forth others, as many as there are', async () => {
    const bench = onLoop(1);
    const client = new Persistent(bench, 2000);
    client.ask();
    while (bench.assembler.pending > 0) await bench.runAll();
    assert.equal(client.answers.length, 2001);
    assert.equal(bench.assembler.pending, 0);
  });

  test('are answered before close() ends', async () => {
    const bench = onLoop(4);
    const clients = [bench.ask(1), bench.ask(2), bench.ask(3), bench.ask(4), bench.ask(5)];
    const closed = bench.assembler.close();
    await quiet();
    for (const client of clients) client.release();
    await closed;
    for (const [i, { answers }] of clients.entries()) assert.deepEqual(answers, [[i * 2 + 3]]);
  });

  test('answer every request once, among others that instances run', async () => {
    const step = fc.oneof(
      fc.record({ ask: fc.array(fc.integer({ min: -2, max: 9 }), { minLength: 1, maxLength: 3 }) }),
      fc.constantFrom('turn', 'switch', 'cancel', 'release', 'run'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), check),
      { numRuns: 200 },
    );
    async function check(
      steps: ({ ask: number[] } | 'turn' | 'switch' | 'cancel' | 'release' | 'run')[],
      batchSize: number,
    ): Promise<void> {
      const bench = onLoop(batchSize);
      const clients: Client[] = [];
      for (const now of steps) {
        if (typeof now !== 'string') clients.push(bench.ask(...now.ask));
        else if (now === 'switch') bench.instances.runsOnLoop = !bench.instances.runsOnLoop;
        else if (now === 'release') for (const client of clients) client.release();
        else if (now === 'run') await bench.runAll();
        else if (now === 'turn') await quiet();
        else {
          const client = clients.at(-1);
          if (client === undefined || client.answers.length + client.errors.length > 0) continue;
          client.reservation?.cancel();
          client.cancelled = true;
        }
      }
      await bench.runAll();
      await quiet();
      for (const client of clients) {
        const { values, answers, errors, cancelled } = client;
        assert.equal(answers.length + errors.length, cancelled ? 0 : 1);
        const expected = values.map((value) => value * 2 + 1);
        if (answers.length > 0) assert.deepEqual(answers[0], expected);
        else assert.ok(cancelled || values.some((value) => value < 0));
        client.release();
      }
      assert.deepEqual(bench.instances.violations, []);
      assert.equal(bench.assembler.pending, 0);
    }
  });
});

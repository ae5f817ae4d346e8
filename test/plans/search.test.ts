import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { NativeTrial } from '../../src/native/addon.js';
import { planInWords, preparationInWords } from '../../src/plans/plan.js';
import { type FakeAnswer, images, machineOf, vectors, wishOf } from './fake-trials.js';
import { byPreparation, search } from './searched.js';

suite('the search for a plan', () => {
  test('takes the fastest way to prepare the module, and says by how much', async () => {
    const { chosen, speedup, ways } = await search(
      byPreparation({ plain: 20, frozen: 18, optimised: 12, 'optimised, channels-last': 10 }),
      { machine: machineOf(1) },
    );
    assert.equal(planInWords(chosen), 'optimised, channels-last, 1 instance × 1 thread');
    assert.deepEqual([speedup?.over, speedup?.ratio.toFixed(2)], ['plain', '2.00']);
    assert.equal(ways[0], 'frozen, 1 instance × 1 thread');
  });

  test('of two that are as fast takes the simpler one', async () => {
    const { chosen } = await search(byPreparation({ plain: 15.2, frozen: 15, optimised: 14.8 }), {
      machine: machineOf(1),
    });
    assert.equal(preparationInWords(chosen), 'frozen');
  });

  test('keeps exact outputs unless others are clearly faster', async () => {
    const faster =
      (optimised: number) =>
      ({ plan }: NativeTrial): FakeAnswer => ({
        microseconds: (rows) => rows * (plan.optimize ? optimised : 10_000),
        deviation: plan.optimize ? 1e-7 : 0,
      });
    const one = { machine: machineOf(1), inputs: vectors };
    assert.equal((await search(faster(9300), one)).chosen.optimize, false);
    assert.equal((await search(faster(8000), one)).chosen.optimize, true);
  });

  test('divides the cores among instances where that is faster', async () => {
    const { chosen } = await search(byPreparation({}), { machine: machineOf(4) });
    assert.deepEqual([chosen.instances, chosen.intraOpThreads], [4, 1]);
  });

  test('or among threads', async () => {
    const { chosen } = await search(
      ({ instances, intraOpThreads }) => ({
        // What several instances do at the same time they do slowly.
        microseconds: (rows) => (rows * 15_000 * instances) / intraOpThreads,
      }),
      { machine: machineOf(4) },
    );
    assert.deepEqual([chosen.instances, chosen.intraOpThreads], [1, 4]);
  });

  test('leaves a core to the main loop unless it pays', async () => {
    const { chosen } = await search(
      ({ instances }) => ({ microseconds: (rows) => rows * 15_000 * instances * 0.95 }),
      { machine: machineOf(2) },
    );
    assert.deepEqual([chosen.instances, chosen.intraOpThreads], [1, 1]);
  });

  test('makes batches no larger than pays', async () => {
    const cached = ({ instances }: NativeTrial): FakeAnswer => ({
      microseconds: (rows) => instances * rows * (rows > 8 ? 20_000 : rows > 2 ? 15_000 : 16_000),
    });
    const { chosen, tried } = await search(cached, { patience: 60_000 });
    assert.equal(chosen.rows, 4);
    assert.deepEqual(tried[0]?.rows, [1, 2, 4, 8, 16, 32]);
    const fixed = await search(cached, { wish: wishOf({ mayShrinkBatches: false }) });
    assert.equal(fixed.chosen.rows, 32);
  });

  test('leaves batches as large as they may be when there was no time to time any', async () => {
    const { chosen } = await search(byPreparation({}, 100), { patience: 3000 });
    assert.equal(chosen.rows, 32);
  });

  test('compares large models by small batches', async () => {
    const { tried } = await search(() => ({ microseconds: (rows) => rows * 60_000 }), {
      patience: 3_600_000,
    });
    assert.deepEqual(tried.find(({ optimize }) => optimize)?.rows, [2]);
  });

  test('tries little where batches are cheap', async () => {
    const { chosen, trials } = await search(() => ({ microseconds: (rows) => 10 + rows }), {
      machine: machineOf(16),
    });
    assert.deepEqual([chosen.instances, chosen.intraOpThreads, chosen.rows], [1, 1, 32]);
    assert.ok(trials.clock < 100, `${trials.clock} ms`);
    assert.ok(trials.asked.length <= 8);
  });
});

suite('bfloat16', () => {
  const fast = byPreparation({
    bfloat16: 5,
    'frozen, bfloat16': 5,
    'frozen, channels-last, bfloat16': 4,
  });

  test('is not tried where the tolerance does not allow it, and that is said', async () => {
    const { notes, ways } = await search(fast);
    assert.ok(ways.every((way) => !way.includes('bfloat16')));
    assert.deepEqual(notes, [
      'bfloat16 was not tried: it deviates by about 0.004, and tolerance allows 0.0001',
    ]);
  });

  test('is not tried where the processor only imitates it', async () => {
    const { notes, ways } = await search(fast, {
      machine: machineOf(2, ['bfloat16']),
      wish: wishOf({ tolerance: 1 }),
    });
    assert.ok(ways.every((way) => !way.includes('bfloat16')));
    assert.deepEqual(notes, ['bfloat16 was not tried: this processor only imitates it']);
  });

  test('is refused when it deviates by more than the tolerance', async () => {
    const { chosen, tried } = await search(fast, { wish: wishOf({ tolerance: 0.005 }) });
    assert.equal(chosen.precision, 'float32');
    const refused = tried.find(({ precision }) => precision === 'bfloat16');
    assert.equal(refused?.problem, 'its outputs deviate by 0.010; tolerance allows 0.005');
  });

  test('is taken when it is faster and allowed', async () => {
    const { chosen } = await search(fast, { wish: wishOf({ tolerance: 0.02 }) });
    assert.equal(preparationInWords(chosen), 'frozen, channels-last, bfloat16');
  });
});

suite('what somebody has said', () => {
  test('is never tried otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          freeze: fc.boolean(),
          precision: fc.boolean(),
          graphs: fc.boolean(),
          instances: fc.boolean(),
          intraOpThreads: fc.boolean(),
        }),
        fc.boolean(),
        fc.constantFrom('float32', 'bfloat16', 'float16'),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 32 }),
        async (fixed, freeze, precision, instances, intraOpThreads, rows, cores) => {
          const asked = { freeze, precision, instances, intraOpThreads, rows };
          const { chosen, trials } = await search(byPreparation({}), {
            wish: wishOf({ asked, fixed, tolerance: 1 }),
            machine: machineOf(cores),
          });
          for (const { plan, ...share } of trials.asked) {
            if (fixed.freeze) assert.equal(plan.freeze, freeze);
            if (fixed.freeze && !freeze) assert.equal(plan.optimize, false);
            if (fixed.precision) assert.equal(plan.precision, precision);
            if (fixed.instances) assert.equal(share.instances, instances);
            if (fixed.intraOpThreads) assert.equal(share.intraOpThreads, intraOpThreads);
            assert.ok(share.rows.every((count) => count <= rows));
            const isAsked =
              share.instances === instances && share.intraOpThreads === intraOpThreads;
            assert.ok(isAsked || share.instances * share.intraOpThreads <= cores);
          }
          assert.ok(chosen.rows <= rows);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('is run whatever its deviation: it is what somebody wants', async () => {
    const { chosen } = await search(
      () => ({ microseconds: (rows) => rows * 15_000, deviation: Number.NaN }),
      { machine: machineOf(1) },
    );
    assert.equal(preparationInWords(chosen), 'frozen');
  });
});

suite('a search that goes wrong', () => {
  test('passes over what does not run', async () => {
    const { chosen, tried } = await search(
      (trial) =>
        trial.plan.optimize
          ? { microseconds: () => 0, error: 'no such operator' }
          : byPreparation({})(trial),
      { machine: machineOf(1) },
    );
    assert.equal(chosen.optimize, false);
    assert.ok(tried.some(({ problem }) => problem === 'no such operator'));
  });

  test('fails when nothing runs, with the reason', async () => {
    await assert.rejects(
      search(() => ({ microseconds: () => 0, error: 'expected 4 dimensions' })),
      /expected 4 dimensions/,
    );
  });

  test('keeps to its time, and says what it did not try', async () => {
    const { notes, trials, chosen } = await search(byPreparation({ optimised: 10 }), {
      patience: 2000,
    });
    assert.equal(preparationInWords(chosen), 'optimised');
    assert.match(notes.join('\n'), /^\d+ more were not tried: planTime was over$/m);
    assert.ok(trials.clock < 4000, `${trials.clock} ms`);
  });

  test('does not wait for a batch that does not end', async () => {
    await assert.rejects(
      search(() => ({ microseconds: () => 0, hangs: true }), {
        patience: 1,
        now: () => performance.now(),
      }),
      /a batch has not ended within \d\S* s/,
    );
  });

  test('always ends in a plan that was timed, whatever the machine answers', async () => {
    const answers = fc.array(
      fc.record({
        time: fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        deviation: fc.double(),
        fails: fc.boolean(),
      }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(
        answers,
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(images, vectors),
        async (given, cores, inputs) => {
          let turn = 0;
          const answer = ({ plan, instances }: NativeTrial): FakeAnswer => {
            const { time = 1, deviation = 0, fails = false } = given[turn++ % given.length] ?? {};
            return {
              microseconds: (rows) => time * rows,
              deviation,
              // Without what is asked for there is no plan.
              ...(fails && (plan.optimize || instances > 1) ? { error: 'no' } : {}),
            };
          };
          const { chosen, tried } = await search(answer, {
            inputs,
            wish: wishOf({ tolerance: 0.1 }),
            machine: machineOf(cores),
          });
          const winner = tried.find((trial) => planInWords(trial) === planInWords(chosen));
          assert.ok(winner !== undefined);
          assert.ok(chosen.rows >= 1 && chosen.rows <= 32);
        },
      ),
    );
  });
});

test('progress is told before each trial', async () => {
  const told: [string, number, number][] = [];
  const { trials } = await search(byPreparation({}), {
    progress: (...line) => told.push(line),
  });
  assert.equal(told.length, trials.asked.length);
  assert.deepEqual(
    told.map(([, tried]) => tried),
    told.map((_, i) => i),
  );
  assert.deepEqual(told[0], ['frozen, 1 instance × 1 thread', 0, 2]);
});

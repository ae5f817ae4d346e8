import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { NativeTrial, Precision } from '../../src/native/addon.js';
import { complexity, planInWords, preparationInWords } from '../../src/plans/plan.js';
import type { SearchRequest } from '../../src/plans/search.js';
import { type FakeAnswer, images, machineOf, modelOnGpu, vectors, wishOf } from './fake-trials.js';
import { search } from './searched.js';

/** Microseconds of a batch: what its kernels take, and what it takes to launch them one by one. */
interface Gpu {
  kernels(trial: NativeTrial, rows: number): number;
  launch: number;
}

const deviations: Record<Precision, number> = {
  float32: 0,
  tf32: 4e-4,
  bfloat16: 1e-2,
  float16: 8e-4,
};

const answerOf =
  ({ kernels, launch }: Gpu) =>
  (trial: NativeTrial): FakeAnswer => ({
    microseconds: (rows) =>
      trial.instances * kernels(trial, rows) + (trial.plan.graphs ? 10 : launch),
    deviation: deviations[trial.plan.precision],
  });

const onGpu = (given: Partial<SearchRequest> = {}): Partial<SearchRequest> => ({
  model: modelOnGpu,
  inputs: vectors,
  ...given,
});

/** Its kernels are short: a batch takes as long as it takes to launch them. */
const launchBound = answerOf({ kernels: (_, rows) => 20 + rows, launch: 120 });

/** Its kernels are long; in fewer bits they are faster. */
const computeBound = (speed: Partial<Record<Precision, number>>) =>
  answerOf({
    kernels: ({ plan }, rows) => (rows * 1000) / (speed[plan.precision] ?? 1),
    launch: 100,
  });

suite('CUDA graphs', () => {
  test('are taken for a model whose batches are short', async () => {
    const { chosen, speedup } = await search(launchBound, onGpu());
    assert.equal(planInWords(chosen), 'frozen, CUDA graphs, 1 instance × 1 thread');
    assert.deepEqual([speedup?.over, Number(speedup?.ratio) > 3], ['plain', true]);
  });

  test('are not where they gain nothing', async () => {
    const { chosen, ways } = await search(computeBound({}), onGpu());
    assert.equal(chosen.graphs, false);
    assert.ok(ways.includes('frozen, CUDA graphs, 1 instance × 1 thread'));
  });

  test('stay with the layouts and precisions that are tried after them', async () => {
    const faster = answerOf({
      kernels: ({ plan }, rows) =>
        rows * (plan.channelsLast ? 100 : 200) * (plan.precision === 'tf32' ? 0.5 : 1),
      launch: 2000,
    });
    const wish = wishOf({ tolerance: 0.001 });
    const { chosen } = await search(faster, onGpu({ inputs: images, wish }));
    assert.equal(preparationInWords(chosen), 'frozen, channels-last, tf32, CUDA graphs');
  });

  test('that cannot be captured are passed over, and the plan says why', async () => {
    const problem = 'no CUDA graphs: forward branches';
    const { chosen, tried } = await search(
      (trial) =>
        trial.plan.graphs ? { microseconds: () => 0, error: problem } : launchBound(trial),
      onGpu(),
    );
    assert.equal(chosen.graphs, false);
    assert.equal(tried.find(({ graphs }) => graphs)?.problem, problem);
  });

  test('are not tried where it is known that they cannot be captured', async () => {
    const model = { ...modelOnGpu, graphsProblem: 'it writes to its inputs' };
    const { trials, notes } = await search(launchBound, onGpu({ model }));
    assert.ok(trials.asked.every(({ plan }) => !plan.graphs));
    assert.ok(notes.includes('CUDA graphs were not tried: it writes to its inputs'));
  });

  test('are captured for every size of batch that is timed with them', async () => {
    const long = answerOf({ kernels: (_, rows) => rows * 1000, launch: 9000 });
    const { trials, chosen } = await search(long, onGpu());
    assert.equal(chosen.graphs, true);
    const sizes = trials.asked.find(({ rows }) => rows.length > 1);
    assert.deepEqual([sizes?.plan.graphs, sizes?.rows], [true, [1, 2, 4, 8, 16, 32]]);
  });

  test('are never tried when somebody does not want them, and always when somebody does', async () => {
    const writes = 'it writes to its inputs';
    const model = { ...modelOnGpu, graphsProblem: writes };
    const never = await search(
      launchBound,
      onGpu({ model, wish: wishOf({ fixed: { graphs: true } }) }),
    );
    assert.ok(never.trials.asked.every(({ plan }) => !plan.graphs));
    assert.ok(never.notes.includes('CUDA graphs were not tried: cudaGraphs is never'));
    assert.ok(!never.notes.some((note) => note.includes(writes)), 'one reason is enough');
    const wish = wishOf({ asked: { graphs: true }, fixed: { graphs: true } });
    const always = await search(launchBound, onGpu({ wish }));
    assert.ok(always.trials.asked.every(({ plan }) => plan.graphs));
    assert.equal(always.chosen.graphs, true);
  });
});

suite('less precision on a GPU', () => {
  const fast = computeBound({ tf32: 2, bfloat16: 4, float16: 4 });
  const chosenWithin = async (tolerance: number): Promise<string> =>
    (await search(fast, onGpu({ wish: wishOf({ tolerance }) }))).chosen.precision;

  test('is what the tolerance allows, as it was measured', async () => {
    assert.equal(await chosenWithin(1e-4), 'float32');
    assert.equal(await chosenWithin(5e-4), 'tf32');
    assert.equal(await chosenWithin(1e-3), 'float16');
    assert.equal(await chosenWithin(0.02), 'bfloat16', 'as fast as float16, with more range');
  });

  test('that the tolerance does not allow is named', async () => {
    const { notes } = await search(fast, onGpu());
    assert.deepEqual(notes, [
      'tf32 was not tried: it deviates by about 0.0005, and tolerance allows 0.0001',
      'bfloat16 was not tried: it deviates by about 0.004, and tolerance allows 0.0001',
      'float16 was not tried: it deviates by about 0.0005, and tolerance allows 0.0001',
    ]);
  });

  test('is not tried where the GPU does not have it', async () => {
    const { notes, trials } = await search(
      fast,
      onGpu({
        wish: wishOf({ tolerance: 1 }),
        machine: machineOf(2, ['tf32', 'bfloat16']),
      }),
    );
    const tried = new Set(trials.asked.map(({ plan }) => plan.precision));
    assert.deepEqual([...tried], ['float32', 'float16']);
    assert.deepEqual(notes, [
      'tf32 was not tried: cuda:0 does not have it',
      'bfloat16 was not tried: cuda:0 only imitates it',
    ]);
  });

  test('that is refused is refused whatever it gains', async () => {
    const { tried, chosen } = await search(
      (trial) => ({ ...fast(trial), deviation: trial.plan.precision === 'tf32' ? Number.NaN : 0 }),
      onGpu({ wish: wishOf({ tolerance: 6e-4 }) }),
    );
    assert.equal(chosen.precision, 'float16');
    const refused = tried.find(({ precision }) => precision === 'tf32');
    assert.match(refused?.problem ?? '', /^its outputs are not finite/);
  });
});

suite('instances on a GPU', () => {
  /** The part of a batch that another instance can fill. */
  const idle =
    (part: number) =>
    (trial: NativeTrial): FakeAnswer => ({
      microseconds: (rows) => rows * 1000 * (trial.instances === 1 ? 1 : trial.instances - part),
    });

  test('are two where they overlap, and no more are tried', async () => {
    const { chosen, trials } = await search(idle(0.5), onGpu());
    assert.equal(chosen.instances, 2);
    assert.deepEqual([...new Set(trials.asked.map(({ instances }) => instances))], [1, 2]);
  });

  test('are one where two are hardly faster', async () => {
    assert.equal((await search(idle(0.1), onGpu())).chosen.instances, 1);
  });

  test('are as many as somebody has said', async () => {
    const wish = wishOf({ asked: { instances: 3 }, fixed: { instances: true } });
    const { trials } = await search(idle(0.5), onGpu({ wish }));
    assert.ok(trials.asked.every(({ instances }) => instances === 3));
  });
});

test('a trial that breaks the GPU is the last, and the best of those before it is chosen', async () => {
  for (const answer of [launchBound, computeBound({})]) {
    let isBroken = false;
    const { chosen, tried, trials, notes } = await search((trial) => {
      assert.ok(!isBroken, 'nothing more can be tried');
      isBroken = trial.plan.graphs;
      if (!isBroken) return answer(trial);
      return { microseconds: () => 0, error: 'CUDA error: unspecified', code: 'DEVICE_FAILED' };
    }, onGpu());
    assert.equal(preparationInWords(chosen), 'frozen');
    assert.equal(trials.asked.at(-1)?.plan.graphs, true);
    assert.equal(tried.at(-1)?.problem, 'CUDA error: unspecified');
    assert.equal(notes.at(-1), 'nothing more was tried: CUDA error: unspecified');
  }
});

test('on the CPU there are neither graphs nor the precisions of GPUs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(images, vectors),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      async (inputs, cores, graphs) => {
        const { trials, notes } = await search(launchBound, {
          inputs,
          machine: machineOf(cores),
          wish: wishOf({ tolerance: 1, fixed: { graphs } }),
        });
        for (const { plan } of trials.asked) {
          assert.equal(plan.graphs, false);
          assert.ok(['float32', 'bfloat16'].includes(plan.precision));
        }
        assert.deepEqual(notes, []);
      },
    ),
  );
});

test('a plan is simpler the less it does, precision before graphs before the module', () => {
  const { asked } = wishOf();
  const rising = [
    asked,
    { ...asked, freeze: false },
    { ...asked, channelsLast: true },
    { ...asked, optimize: true },
    { ...asked, optimize: true, channelsLast: true },
    { ...asked, graphs: true },
    { ...asked, graphs: true, optimize: true, channelsLast: true },
    { ...asked, precision: 'tf32' as const },
    { ...asked, precision: 'bfloat16' as const },
    { ...asked, precision: 'float16' as const },
  ].map(complexity);
  assert.deepEqual(
    rising,
    [...rising].sort((a, b) => a - b),
  );
  assert.equal(new Set(rising).size, rising.length);
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { NativeExecution } from '../../src/models/native-execution.js';
import type { NativeExecutionOptions } from '../../src/models/native-execution-options.js';
import { Prediction } from '../../src/models/prediction.js';
import type { NativeModelOptions, NativeTrial } from '../../src/native/addon.js';
import { type ModelListener, openModel } from '../../src/native/runtime.js';
import type { ExecutionPlan } from '../../src/plans/plan.js';
import { PlanCache } from '../../src/plans/plan-cache.js';
import { Planner } from '../../src/plans/planner.js';
import { FileChecks } from '../../src/workers/file-checks.js';
import { Pool } from '../../src/workers/pool.js';
import { type FakeAnswer, FakeTrials, machineOf } from '../plans/fake-trials.js';
import { until } from '../support/condition.js';
import { executionOptions } from '../support/execution-options.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source } from '../support/server.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const rowsOf = (size: number) => ({
  inputs: [{ name: 'x', dtype: 'float32' as const, shape: [size] }],
});

/** Optimised modules are fast, and as many of them as there are cores. */
const optimisedIsFast = ({ plan }: NativeTrial): FakeAnswer => ({
  microseconds: (count) => count * (plan.optimize ? 5000 : 9000),
});

/** Executions whose plans a machine decides that only calculates; LibTorch runs them. */
class Bench implements Disposable {
  readonly #cache = new TemporaryFolder();
  readonly trials: FakeTrials[] = [];
  readonly opened: NativeModelOptions[] = [];
  readonly planned: ExecutionPlan[] = [];
  readonly told: string[] = [];
  readonly failures: string[] = [];
  readonly #planner = new Planner({
    machine: () => machineOf(2),
    cache: new PlanCache(this.#cache.path),
    openTrials: () => {
      const trials = new FakeTrials(this.answer);
      this.trials.push(trials);
      return trials;
    },
    version: '1.0',
    load: { cpuMicroseconds: () => performance.now() * 1000, isBusy: () => false },
  });

  constructor(
    private readonly answer: (trial: NativeTrial) => FakeAnswer = optimisedIsFast,
    /** What stands between the model's threads and the execution. */
    private readonly intercept: (
      listener: ModelListener,
      options: NativeModelOptions,
    ) => ModelListener = (listener) => listener,
  ) {}

  execution(given: Partial<NativeExecutionOptions> = {}): NativeExecution {
    return new NativeExecution(
      executionOptions({
        source: source('double', { config: rowsOf(4) }),
        plan: 'auto',
        ...given,
      }),
      {
        budget: new SlabBudget(1 << 24),
        offLoop: new Pool(1),
        checks: new FileChecks(),
        metrics: new Metrics().forVersion('double', '1.0'),
        planner: this.#planner,
        planLog: { info: (line) => this.told.push(line), warn: (line) => this.told.push(line) },
        planned: (plan) => this.planned.push(plan),
        onLoop: () => {},
        deviceFailed: () => {},
        lost: () => {},
        instancesStarted: () => {},
        printed: () => {},
        failed: ({ message }) => this.failures.push(message),
        hanging: () => {},
        recovered: () => {},
      },
      (options, listener) => {
        this.opened.push(options);
        // An execution may believe in GPUs; its threads run on the CPU.
        return openModel({ ...options, devices: ['cpu'] }, this.intercept(listener, options));
      },
    );
  }

  [Symbol.dispose](): void {
    this.#cache[Symbol.dispose]();
  }
}

async function answerOf(execution: NativeExecution): Promise<unknown> {
  const sink = new RecordingSink();
  execution.predict(new Prediction('m', undefined, handlerRequest('[1, 2, 3, 4]'), sink));
  return JSON.parse(String(await sink.answer));
}

/** How a file was opened. */
const openings = ({ opened }: Bench): [boolean | undefined, number][] =>
  opened.map(({ optimize, instances }) => [optimize, instances]);

suite('a model whose row shape is known', () => {
  test('runs by the plan that was found, and by the same at once the next time', async () => {
    using bench = new Bench();
    const first = bench.execution();
    await first.loaded;
    assert.deepEqual(openings(bench), [
      [false, 1],
      [true, 2],
    ]);
    assert.deepEqual([first.instances, first.description?.frozen], [2, true]);
    assert.deepEqual(
      [first.plan?.source, first.plan?.chosen.optimize, first.plan?.chosen.instances],
      ['measured', true, 2],
    );
    assert.deepEqual(await answerOf(first), [3, 5, 7, 9]);
    await first.close();
    const second = bench.execution();
    await second.loaded;
    assert.deepEqual(openings(bench).slice(2), [[true, 2]]);
    assert.equal(second.plan?.source, 'cache');
    assert.deepEqual([bench.trials.length, bench.planned.length, bench.failures], [1, 2, []]);
    assert.deepEqual(await answerOf(second), [3, 5, 7, 9]);
    await second.close();
  });

  test('is not opened again when what is asked for is the fastest', async () => {
    using bench = new Bench(() => ({ microseconds: () => 100 }));
    const execution = bench.execution();
    await execution.loaded;
    assert.deepEqual(openings(bench), [[false, 1]]);
    assert.equal(execution.plan?.source, 'measured');
    await execution.close();
  });

  test('is not tried with CUDA graphs that its frozen module rules out', async () => {
    const draws = (listener: ModelListener): ModelListener => ({
      ...listener,
      loaded: (description, loadMilliseconds) =>
        listener.loaded({ ...description, graphsProblem: 'it draws' }, loadMilliseconds),
    });
    for (const freeze of [true, false]) {
      using bench = new Bench(optimisedIsFast, draws);
      const execution = bench.execution({ devices: ['cuda:0'], freeze });
      await execution.loaded;
      const notes = execution.plan?.notes ?? [];
      assert.equal(notes.includes('CUDA graphs were not tried: it draws'), freeze);
      const hasTried = bench.trials[0]?.asked.some(({ plan }) => plan.graphs);
      assert.equal(hasTried, !freeze, 'freezing may remove what speaks against them');
      await execution.close();
    }
  });

  test('is searched again for rows of another shape', async () => {
    using bench = new Bench();
    const shaped = (handler: string) =>
      bench.execution({ source: source('double', { handler, config: rowsOf(handler.length) }) });
    const first = shaped('abcd');
    await first.loaded;
    await first.close();
    const second = shaped('abcde');
    await second.loaded;
    assert.equal(second.plan?.source, 'measured');
    assert.equal(bench.trials.length, 2);
    await second.close();
  });

  test('has the instances that somebody wants while it loads', async () => {
    using bench = new Bench();
    const execution = bench.execution();
    await execution.scale(3, 1);
    assert.deepEqual([execution.instances, bench.planned], [3, []]);
    assert.equal(execution.plan?.chosen.optimize, true);
    await execution.close();
  });

  test('serves as is asked for when the search fails', async () => {
    using bench = new Bench(() => ({ microseconds: () => 0, error: 'no' }));
    const execution = bench.execution();
    await execution.loaded;
    assert.deepEqual(openings(bench), [[false, 1]]);
    assert.deepEqual(execution.plan?.notes, ['no plan was chosen: no']);
    assert.deepEqual(await answerOf(execution), [3, 5, 7, 9]);
    await execution.close();
  });
});

suite('a plan that the model does not run by', () => {
  const cases: [string, (listener: ModelListener) => ModelListener][] = [
    [
      'because it cannot be loaded',
      (listener) => ({
        ...listener,
        loaded: () => listener.failed('MODEL_LOAD_FAILED', 'it is not for this processor'),
      }),
    ],
    [
      'because it fails at warm-up',
      (listener) => ({
        ...listener,
        warmed: (event) =>
          listener.warmed({
            ...event,
            error: { code: 'MODEL_FAILED', message: 'it is not for this processor' },
          }),
      }),
    ],
  ];
  for (const [why, spoil] of cases) {
    test(`${why} is left for what is asked for`, async () => {
      using bench = new Bench(optimisedIsFast, (listener, { optimize }) =>
        optimize === true ? spoil(listener) : listener,
      );
      for (const source of ['measured', 'from the cache']) {
        const execution = bench.execution();
        await execution.loaded;
        assert.deepEqual(
          [execution.state, execution.instances, bench.failures],
          ['ready', 1, []],
          source,
        );
        assert.equal(execution.plan?.source, 'none');
        assert.match(bench.told.at(-1) ?? '', /cannot be used: .*it is not for this processor/);
        assert.deepEqual(await answerOf(execution), [3, 5, 7, 9]);
        await execution.close();
      }
    });
  }

  test('does not hide why what is asked for cannot be loaded', async () => {
    using bench = new Bench(optimisedIsFast, (listener) => ({
      ...listener,
      loaded: () => listener.failed('MODEL_LOAD_FAILED', 'it is damaged'),
    }));
    const execution = bench.execution();
    await assert.rejects(execution.loaded, {
      code: 'MODEL_LOAD_FAILED',
      message: /it is damaged$/,
    });
    assert.equal(execution.state, 'failed');
    await execution.closed;
    assert.equal(bench.failures.length, 1);
  });
});

test('what warm-up says of CUDA graphs is told and shown', async () => {
  using bench = new Bench(optimisedIsFast, (listener) => ({
    ...listener,
    warmed: (event) =>
      listener.warmed({
        ...event,
        graphs: [
          { rows: 1, bytes: 2 ** 20 },
          { rows: 2, bytes: 0, problem: 'outputs differ' },
        ],
      }),
  }));
  const execution = bench.execution();
  await execution.loaded;
  assert.deepEqual(execution.graphs, {
    rows: [1],
    bytes: 2 ** 20,
    problems: [{ rows: 2, problem: 'outputs differ' }],
  });
  const line = 'CUDA graphs for batches of 1 row, 1 MiB; none for 2: outputs differ';
  assert.ok(bench.told.includes(line), bench.told.join('\n'));
  await execution.close();
});

suite('no plan is searched for', () => {
  const cases: [string, Partial<NativeExecutionOptions>][] = [
    ['when it is turned off', { plan: 'off' }],
    ['without warm-up', { warmUp: false }],
    ['when the row shape is not known', { source: source('double') }],
  ];
  for (const [when, given] of cases) {
    test(when, async () => {
      using bench = new Bench();
      const execution = bench.execution(given);
      await execution.loaded;
      assert.deepEqual([bench.trials, execution.plan, bench.planned], [[], undefined, []]);
      await execution.close();
    });
  }
});

suite('a search that goes on', () => {
  const hangs = (): FakeAnswer => ({ microseconds: () => 0, hangs: true });

  test('ends with the execution', async () => {
    using bench = new Bench(hangs);
    const execution = bench.execution();
    await until(() => bench.trials.length > 0);
    const sink = new RecordingSink();
    execution.predict(new Prediction('m', undefined, handlerRequest('[1, 2, 3, 4]'), sink));
    await execution.close();
    assert.equal(execution.state, 'closed');
    assert.ok(bench.trials[0]?.closed);
    assert.equal(sink.answers.length, 1);
    assert.deepEqual([bench.told, bench.failures], [[], []]);
  });

  test('may not take longer than startupTimeout', async () => {
    using bench = new Bench(hangs);
    const execution = bench.execution({ startupTimeout: 0.3, planTime: 3600 });
    await execution.loaded.catch(() => {});
    await execution.close();
    assert.ok(bench.trials[0]?.closed !== false);
  });

  test('ends when its model cannot go on', async () => {
    let threads: ModelListener | undefined;
    using bench = new Bench(hangs, (listener) => {
      threads = listener;
      return listener;
    });
    const execution = bench.execution();
    await until(() => bench.trials.length > 0);
    threads?.failed('MODEL_FAILED', 'no device');
    await assert.rejects(execution.loaded, { code: 'MODEL_FAILED' });
    await execution.closed;
    assert.ok(bench.trials[0]?.closed);
    assert.equal(bench.failures.length, 1);
  });
});

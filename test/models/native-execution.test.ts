import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { SconceError } from '../../src/errors.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { makePlanner } from '../../src/models/make-planner.js';
import { NativeExecution } from '../../src/models/native-execution.js';
import type { NativeExecutionOptions } from '../../src/models/native-execution-options.js';
import { Prediction } from '../../src/models/prediction.js';
import { type ModelListener, openModel } from '../../src/native/runtime.js';
import { FileChecks } from '../../src/workers/file-checks.js';
import { Pool } from '../../src/workers/pool.js';
import { until } from '../support/condition.js';
import { executionOptions } from '../support/execution-options.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source } from '../support/server.js';

/** One execution of a fixture, and what it told. */
class Bench {
  readonly budget = new SlabBudget(1 << 24);
  readonly started: [number[], number][] = [];
  readonly failures: string[] = [];
  readonly hanging: [number, number][] = [];
  readonly execution: NativeExecution;

  constructor(
    model: string,
    given: Partial<NativeExecutionOptions> = {},
    /** What stands between the model's threads and the execution. */
    intercept: (listener: ModelListener) => ModelListener = (listener) => listener,
  ) {
    this.execution = new NativeExecution(
      executionOptions({ source: source(model), ...given }),
      {
        budget: this.budget,
        offLoop: new Pool(1),
        checks: new FileChecks(),
        metrics: new Metrics().forVersion(model, '1.0'),
        instancesStarted: (milliseconds, running) =>
          this.started.push([[...milliseconds], running]),
        printed: () => {},
        failed: ({ message }) => this.failures.push(message),
        hanging: (batches, replacements) => this.hanging.push([batches, replacements]),
        recovered: () => this.failures.push('recovered'),
        planner: makePlanner({}, 2),
        planLog: { info: () => {}, warn: () => {} },
        planned: () => {},
        onLoop: () => {},
        deviceFailed: () => {},
        lost: () => {},
      },
      (native, listener) => openModel(native, intercept(listener)),
    );
  }

  ask(row: readonly number[]): RecordingSink {
    const sink = new RecordingSink();
    this.execution.predict(
      new Prediction('m', undefined, handlerRequest(JSON.stringify(row)), sink),
    );
    return sink;
  }
}

/** The row of a reply. */
const rowOf = async ({ answer }: RecordingSink): Promise<unknown> =>
  JSON.parse(String(await answer));

const codesOf = ({ answers }: RecordingSink): unknown[] =>
  answers.map((answer) => (answer instanceof SconceError ? answer.code : answer));

suite('when an instance fails while it serves', () => {
  test('its requests are answered, new ones are refused, and it ends', async () => {
    let threads: ModelListener | undefined;
    const bench = new Bench('double', {}, (listener) => {
      threads = listener;
      // The batch is lost with its instance.
      return { ...listener, batch: () => {} };
    });
    const { execution } = bench;
    await execution.loaded;
    const lost = bench.ask([1]);
    await until(() => execution.load.running === 1);
    threads?.failed('MODEL_FAILED', 'an instance failed: no device');
    assert.equal(execution.state, 'failed');
    assert.ok(execution.failedAt !== undefined);
    assert.deepEqual(bench.failures, ['Prediction failed: an instance failed: no device']);
    assert.deepEqual(codesOf(bench.ask([2])), ['MODEL_NOT_LOADED']);
    await execution.closed;
    assert.deepEqual(codesOf(lost), ['MODEL_FAILED']);
    await execution.close();
    assert.equal(bench.budget.used, 0);
  });
});

suite('when instances cannot be added', () => {
  test('those that run go on, and the others can be asked for again', async () => {
    let refuse = true;
    const bench = new Bench('double', {}, (listener) => ({
      ...listener,
      scaled: (event) =>
        listener.scaled?.(
          refuse
            ? { ...event, instances: 1, error: { code: 'OUT_OF_MEMORY', message: 'no memory' } }
            : event,
        ),
    }));
    const { execution } = bench;
    await execution.loaded;
    await assert.rejects(execution.scale(3, 1), { code: 'OUT_OF_MEMORY' });
    assert.equal(execution.instances, 1);
    await execution.steady;
    refuse = false;
    await execution.scale(3, 1);
    assert.equal(execution.instances, 3);
    assert.deepEqual(
      bench.started.map(([, running]) => running),
      [1, 1, 3],
    );
    await execution.close();
  });
});

suite('the number of instances', () => {
  test('may be changed while it loads and while it changes: the last wish counts', async () => {
    const { execution } = new Bench('double');
    const wishes = [4, 2, 3].map((instances) => execution.scale(instances, 1));
    assert.equal(execution.instances, 3);
    await execution.steady;
    await Promise.all(wishes);
    await Promise.all([execution.scale(5, 1), execution.scale(1, 1)]);
    assert.equal(execution.instances, 1);
    await execution.close();
  });

  test('is not changed any more by close(), which every wish hears of', async () => {
    const { execution } = new Bench('double');
    await execution.loaded;
    const wishes = [2, 1, 4].map((instances) => execution.scale(instances, 1));
    const heard = Promise.allSettled(wishes);
    await execution.close();
    for (const wish of await heard) {
      if (wish.status === 'rejected') assert.equal(wish.reason.code, 'MODEL_CLOSED');
    }
    await assert.rejects(execution.scale(2, 1), { code: 'MODEL_CLOSED' });
  });

  test('fails with the load', async () => {
    const { execution } = new Bench('double', { source: source('double', { path: '/none.pt' }) });
    await assert.rejects(execution.scale(2, 1), { code: 'MODEL_LOAD_FAILED' });
    await execution.close();
  });
});

suite('a request that comes early', () => {
  test('does not wait longer than clientTimeout', async () => {
    const bench = new Bench('double', { clientTimeout: 1e-3 });
    const sink = bench.ask([1]);
    await sink.answer;
    assert.deepEqual(codesOf(sink), ['CLIENT_TIMEOUT']);
    await bench.execution.close();
  });

  test('is refused at once with useJobTicket: no instance is idle', async () => {
    const bench = new Bench('double', { useJobTicket: true });
    assert.deepEqual(codesOf(bench.ask([1])), ['NO_CAPACITY']);
    await bench.execution.loaded;
    assert.deepEqual(await rowOf(bench.ask([1])), [3]);
    await bench.execution.close();
  });

  test('and is cancelled makes room for another', async () => {
    const bench = new Bench('double', { jobQueueSize: 1 });
    const gone = new RecordingSink();
    const prediction = new Prediction('m', undefined, handlerRequest('[1]'), gone);
    bench.execution.predict(prediction);
    prediction.cancel();
    const sink = bench.ask([2]);
    assert.deepEqual(await rowOf(sink), [5]);
    assert.deepEqual(gone.answers, []);
    await bench.execution.close();
  });

  test('may have longer than a timer can wait', async () => {
    const bench = new Bench('double', { responseTimeout: 1e9, startupTimeout: 1e9 });
    assert.deepEqual(await rowOf(bench.ask([1])), [3]);
    await bench.execution.close();
  });
});

test('with useJobTicket a request is taken for each instance, and no other', async () => {
  const bench = new Bench('slow', { useJobTicket: true, instances: 2 });
  await bench.execution.loaded;
  const sinks = [1, 2, 3].map((i) => bench.ask([1000, i]));
  assert.deepEqual(sinks.map(codesOf), [[], [], ['NO_CAPACITY']]);
  assert.deepEqual(await Promise.all(sinks.slice(0, 2).map(rowOf)), [
    [1000, 1],
    [1000, 2],
  ]);
  await bench.execution.close();
});

test('one that does not load in time says so, and ends', async () => {
  const bench = new Bench('double', { startupTimeout: 0 });
  await assert.rejects(bench.execution.loaded, {
    code: 'MODEL_LOAD_FAILED',
    message: /it did not load within startupTimeout \(0 s\)$/,
  });
  await bench.execution.closed;
});

test('with a delay a full batch runs at once', async () => {
  const bench = new Bench('double', { batchDelay: 3_600_000 });
  await bench.execution.loaded;
  const sinks = [bench.ask([1]), bench.ask([2])];
  assert.deepEqual(await Promise.all(sinks.map(rowOf)), [[3], [5]]);
  await bench.execution.close();
});

/** Matrix products that keep slow.pt busy for far longer than the responseTimeout of these tests. */
const long = 100_000;
const hangs = { batchSize: 1, responseTimeout: 0.1 };

suite('an instance whose batch does not end within responseTimeout', () => {
  test('is replaced until the batch ends after all', async () => {
    const bench = new Bench('slow', hangs);
    await bench.execution.loaded;
    const hung = bench.ask([long, 1]);
    await until(() => bench.hanging.length > 0);
    assert.deepEqual([bench.hanging, codesOf(hung)], [[[1, 1]], ['RESPONSE_TIMEOUT']]);
    const served = bench.ask([0, 2]);
    assert.deepEqual(await rowOf(served), [0, 2]);
    assert.deepEqual([bench.execution.state, bench.execution.instances], ['ready', 1]);
    assert.deepEqual(bench.execution.load, { waiting: 0, running: 1 });
    await until(() => bench.execution.load.running === 0);
    // The wish that this one comes after is the one to go back.
    await bench.execution.scale(1, 1);
    assert.equal(bench.started.at(-1)?.[1], 1);
    assert.deepEqual(bench.failures, []);
    await bench.execution.close();
  });

  test('is replaced three times at most; then it is stuck, until one ends', async () => {
    const bench = new Bench('slow', hangs);
    const { execution } = bench;
    await execution.loaded;
    for (let i = 1; i <= 4; i += 1) {
      bench.ask([long * 2, i]);
      await until(() => bench.hanging.length === i);
      assert.equal(execution.state, i < 4 ? 'ready' : 'stuck');
    }
    assert.deepEqual(bench.hanging, [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 3],
    ]);
    const message =
      'Model "slow" Version 1.0 is stuck: each of its 4 instances has run one batch for longer than responseTimeout (0.1 s). Load it again with PUT /models/slow on the management port.';
    assert.deepEqual(
      [execution.failure?.code, execution.failure?.message, bench.failures],
      ['MODEL_STUCK', message, [message]],
    );
    assert.equal(typeof execution.failedAt, 'number');
    await until(() => execution.state === 'ready');
    assert.deepEqual(bench.failures, [message, 'recovered']);
    assert.deepEqual([execution.failure, execution.failedAt], [undefined, undefined]);
    await until(() => execution.load.running === 0);
    await execution.scale(1, 1);
    assert.equal(bench.started.at(-1)?.[1], 1);
    await execution.close();
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import { SconceError } from '../../src/errors.js';
import { builtInHandlers } from '../../src/handlers/registry.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { DeviceHealth } from '../../src/models/device-health.js';
import { makePlanner } from '../../src/models/make-planner.js';
import { ModelVersion } from '../../src/models/model-version.js';
import { NativeExecution } from '../../src/models/native-execution.js';
import type { NativeExecutionOptions } from '../../src/models/native-execution-options.js';
import { Prediction } from '../../src/models/prediction.js';
import { versionOptions } from '../../src/models/version-options.js';
import { openModel } from '../../src/native/runtime.js';
import { FileChecks } from '../../src/workers/file-checks.js';
import { Pool } from '../../src/workers/pool.js';
import { until } from '../support/condition.js';
import { executionOptions } from '../support/execution-options.js';
import { createLog } from '../support/log.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { source, testSettings } from '../support/server.js';

const error = new SconceError('DEVICE_FAILED', 'cuda:0: CUDA error: unspecified launch failure');

/** Matrix products that keep slow.pt busy until long after the test has looked. */
const long = 100_000;

/** An execution that believes in GPUs; its threads run on the CPU. */
class Placed {
  readonly budget = new SlabBudget(1 << 24);
  readonly failures: string[] = [];
  readonly execution: NativeExecution;

  constructor(model: string, given: Partial<NativeExecutionOptions>) {
    this.execution = new NativeExecution(
      executionOptions({ source: source(model), ...given }),
      {
        budget: this.budget,
        offLoop: new Pool(1),
        checks: new FileChecks(),
        metrics: new Metrics().forVersion(model, '1.0'),
        planner: makePlanner({}, 2),
        planLog: { info: () => {}, warn: () => {} },
        planned: () => {},
        onLoop: () => {},
        instancesStarted: () => {},
        printed: () => {},
        failed: ({ code }) => this.failures.push(code),
        deviceFailed: () => {},
        lost: () => {},
        hanging: () => {},
        recovered: () => {},
      },
      (options, listener) => openModel({ ...options, devices: ['cpu'] }, listener),
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

const codesOf = ({ answers }: RecordingSink): unknown[] =>
  answers.map((answer) => (answer instanceof SconceError ? answer.code : answer));

suite('an execution whose only device fails', () => {
  test('answers what runs, what waits and what comes, once each and at once', async () => {
    const placed = new Placed('slow', { devices: ['cuda:0'], batchSize: 1 });
    const { execution } = placed;
    await execution.loaded;
    const running = placed.ask([long, 1]);
    await until(() => execution.load.running === 1);
    const waiting = [placed.ask([1, 2]), placed.ask([1, 3])];
    execution.deviceFailed('cuda:0', error);
    // In the same turn: none of them waits for the batch that still runs.
    for (const sink of [running, ...waiting, placed.ask([1, 4])]) {
      assert.deepEqual(sink.answers, [error]);
    }
    assert.deepEqual([execution.state, execution.failure], ['failed', error]);
    assert.deepEqual(placed.failures, ['DEVICE_FAILED']);
    await execution.closed;
    assert.deepEqual(running.answers, [error]);
    await execution.close();
    assert.equal(placed.budget.used, 0);
  });

  test('answers what came before it was loaded', async () => {
    const placed = new Placed('double', { devices: ['cuda:0'] });
    const early = placed.ask([1]);
    placed.execution.deviceFailed('cuda:0', error);
    assert.deepEqual(early.answers, [error]);
    await assert.rejects(placed.execution.loaded, error);
    await placed.execution.closed;
  });

  test('lets nobody wait for it who has asked it to close', async () => {
    const placed = new Placed('slow', { devices: ['cuda:0'], batchSize: 1 });
    const { execution } = placed;
    await execution.loaded;
    const running = placed.ask([long, 1]);
    await until(() => execution.load.running === 1);
    const closed = execution.close();
    execution.deviceFailed('cuda:0', error);
    assert.deepEqual(running.answers, [error]);
    await closed;
    assert.equal(placed.budget.used, 0);
  });
});

suite('an execution on several devices', () => {
  test('goes on until the last of them fails', async () => {
    const placed = new Placed('double', { devices: ['cuda:0', 'cuda:1'] });
    const { execution } = placed;
    await execution.loaded;
    execution.deviceFailed('cuda:0', error);
    assert.equal(execution.state, 'ready');
    assert.equal(String(await placed.ask([1]).answer).replace(/\s/g, ''), '[3.0]');
    execution.deviceFailed('cuda:1', error);
    assert.equal(execution.state, 'failed');
    assert.deepEqual(codesOf(placed.ask([1])), ['DEVICE_FAILED']);
    await execution.closed;
  });

  test('is not touched by one that is not its own', async () => {
    const placed = new Placed('double', { devices: ['cuda:1'] });
    const { execution } = placed;
    await execution.loaded;
    execution.deviceFailed('cuda:0', error);
    assert.deepEqual([execution.state, execution.failure], ['ready', undefined]);
    assert.equal(String(await placed.ask([1]).answer).replace(/\s/g, ''), '[3.0]');
    await execution.close();
  });
});

suite('a version that is started when devices have failed', () => {
  function version(devices: DeviceHealth, placedOn: readonly string[]): ModelVersion {
    const settings = testSettings();
    const model = source('double');
    const options = { ...versionOptions(model, {}, settings, true), devices: placedOn };
    let workers = 9000;
    return new ModelVersion(model, options, true, {
      cores: 2,
      budget: new SlabBudget(1 << 24),
      offLoop: new Pool(1),
      checks: new FileChecks(),
      metrics: new Metrics().forVersion('double', '1.0'),
      log: createLog('silent'),
      modelLog: () => {},
      handlers: builtInHandlers,
      planner: makePlanner({}, 2),
      devices,
      python: settings,
      nextWorkerId: () => workers++,
    });
  }

  test('runs on the others', async () => {
    const devices = new DeviceHealth('continue');
    devices.failed('cuda:0', 'CUDA error: unspecified launch failure');
    const placed = version(devices, ['cuda:0', 'cpu']);
    await placed.begin();
    assert.equal(placed.state, 'ready');
    await placed.close();
  });

  test('is refused where there are none, as often as it is asked', async () => {
    const devices = new DeviceHealth('continue');
    devices.failed('cuda:0', 'CUDA error: unspecified launch failure');
    const placed = version(devices, ['cuda:0']);
    await assert.rejects(placed.begin(), { code: 'DEVICE_FAILED' });
    await assert.rejects(placed.scale(1, 1), { code: 'DEVICE_FAILED' });
    assert.equal(placed.state, 'failed');
    await placed.close();
  });
});

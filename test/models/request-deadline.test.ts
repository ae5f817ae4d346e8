import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { EarlyRequests } from '../../src/models/early-requests.js';
import { Prediction } from '../../src/models/prediction.js';
import { limitTime } from '../../src/models/request-deadline.js';
import { until } from '../support/condition.js';
import { RecordingSink } from '../support/recording-sink.js';
import { handlerRequest } from '../support/request.js';
import { ProcessBench } from './process/process-bench.js';

/** A prediction that arrived so many milliseconds ago, and who asked for it. */
function arrived(ago = 0): { prediction: Prediction; sink: RecordingSink } {
  const sink = new RecordingSink();
  const since = performance.now() - ago;
  return {
    prediction: new Prediction('m', undefined, handlerRequest('1'), sink, since),
    sink,
  };
}

function codes({ answers }: RecordingSink): unknown[] {
  return answers.map((answer) => (answer instanceof SconceError ? answer.code : answer));
}

describe('a request that names its time', () => {
  test('is answered when that is over, once', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { prediction, sink } = arrived();
    limitTime(prediction, 50, 'm', '1.0');
    t.mock.timers.tick(49);
    assert.deepEqual(codes(sink), []);
    t.mock.timers.tick(1);
    assert.deepEqual(codes(sink), ['REQUEST_TIMEOUT']);
    prediction.failed(new SconceError('INTERNAL', 'late'));
    prediction.cancel();
    assert.deepEqual(codes(sink), ['REQUEST_TIMEOUT']);
  });

  test('is answered at once when that is over already', () => {
    const { prediction, sink } = arrived(51);
    limitTime(prediction, 50, 'm', '1.0');
    assert.deepEqual(codes(sink), ['REQUEST_TIMEOUT']);
  });

  test('twice is held to the earlier', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { prediction, sink } = arrived();
    limitTime(prediction, 50, 'm', '1.0');
    limitTime(prediction, 20, 'm', '1.0');
    limitTime(prediction, 90, 'm', '1.0');
    assert.equal(prediction.wantedBy, prediction.since + 20);
    t.mock.timers.tick(20);
    t.mock.timers.tick(100);
    assert.deepEqual(
      sink.answers.map((answer) => answer instanceof SconceError && answer.message),
      ['Model "m" Version 1.0 did not answer within the 20 ms that the request allows.'],
    );
  });

  test('may name more than a timer can wait', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => {
      if (warning.name === 'TimeoutOverflowWarning') warnings.push(warning);
    };
    process.on('warning', listen);
    const { prediction, sink } = arrived();
    limitTime(prediction, 1e14, 'm', '1.0');
    await new Promise(setImmediate);
    process.off('warning', listen);
    assert.deepEqual([codes(sink), warnings], [[], []]);
    prediction.cancel();
  });

  test('that has its answer or has gone hears nothing more', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const [answered, gone] = [arrived(), arrived()];
    for (const { prediction } of [answered, gone]) limitTime(prediction, 50, 'm', '1.0');
    answered.prediction.replied({ body: 'yes', contentType: undefined, headers: undefined }, 0);
    gone.prediction.cancel();
    t.mock.timers.tick(100);
    assert.deepEqual([codes(answered.sink), codes(gone.sink)], [['yes'], []]);
  });
});

describe('while its model loads', () => {
  const limits = { modelName: 'm', modelVersion: '1.0', jobQueueSize: 1, clientTimeout: 0 };

  test('a request whose time is over leaves its place to another', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const early = new EarlyRequests({ ...limits, responseTimeout: 120 });
    const [first, second, third] = [arrived(), arrived(), arrived()];
    limitTime(first.prediction, 50, 'm', '1.0');
    early.hold(first.prediction);
    early.hold(second.prediction);
    assert.deepEqual([codes(second.sink), early.count], [['NO_CAPACITY'], 1]);
    t.mock.timers.tick(50);
    assert.deepEqual([codes(first.sink), early.count], [['REQUEST_TIMEOUT'], 0]);
    early.hold(third.prediction);
    assert.deepEqual(early.take(), [third.prediction]);
  });

  for (const [clientTimeout, code] of [
    [0, 'RESPONSE_TIMEOUT'],
    [50, 'CLIENT_TIMEOUT'],
  ] as const) {
    test(`one that names none is answered with ${code}`, (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const early = new EarlyRequests({ ...limits, clientTimeout, responseTimeout: 0.1 });
      const { prediction, sink } = arrived();
      early.hold(prediction);
      t.mock.timers.tick(100);
      assert.deepEqual([codes(sink), early.count], [[code], 0]);
    });
  }
});

describe('with a worker process', () => {
  test('a request whose time is over is answered, whether it waits or runs', async () => {
    const bench = new ProcessBench();
    const { execution } = bench;
    await execution.loaded;
    const [running, waiting] = [bench.ask(), bench.ask()];
    const worker = await bench.batch(0);
    for (const { prediction } of [running, waiting]) {
      limitTime(prediction, performance.now() - prediction.since, 'm', '1.0');
    }
    assert.deepEqual(
      [running.sink.answers, waiting.sink.answers],
      [['REQUEST_TIMEOUT'], ['REQUEST_TIMEOUT']],
    );
    assert.equal(execution.queued, 0);
    worker.answer();
    const next = bench.ask();
    await bench.batch(0, 2);
    worker.answer();
    await until(() => execution.pending === 0);
    assert.deepEqual([running.sink.answers, next.sink.answers], [['REQUEST_TIMEOUT'], ['r3']]);
    worker.kill();
    await execution.close();
  });
});

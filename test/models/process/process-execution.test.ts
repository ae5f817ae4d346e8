import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SconceError } from '../../../src/errors.js';
import type { HandlerReply } from '../../../src/handlers/handler.js';
import type {
  ProcessExecutionContext,
  ProcessExecutionOptions,
} from '../../../src/models/process/process-execution.js';
import { until } from '../../support/condition.js';
import { workerReply } from '../../support/fake-workers.js';
import { ProcessBench } from './process-bench.js';

const benches: ProcessBench[] = [];

async function bench(
  options: Partial<ProcessExecutionOptions> = {},
  context: Partial<ProcessExecutionContext> = {},
): Promise<ProcessBench> {
  const made = new ProcessBench(options, context);
  benches.push(made);
  await made.execution.loaded.catch(() => {});
  return made;
}

afterEach(async () => {
  for (const { execution, started } of benches.splice(0)) {
    for (const worker of started) worker.kill();
    await execution.close();
  }
});

suite('a batch', () => {
  test('holds what waits when a worker is idle, up to batchSize', async () => {
    const made = await bench({ batchSize: 3 });
    const { execution } = made;
    assert.equal(execution.state, 'ready');
    const sinks = [1, 2, 3, 4, 5].map(() => made.ask().sink);
    const worker = await made.batch(0);
    assert.deepEqual(
      worker.batch.map(({ id }) => id),
      ['r1', 'r2', 'r3'],
    );
    assert.deepEqual(execution.load, { waiting: 2, running: 1 });
    assert.equal(execution.pending, 5);
    worker.answer();
    await made.batch(0, 2);
    worker.answer();
    await until(() => execution.pending === 0);
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['r1'], ['r2'], ['r3'], ['r4'], ['r5']],
    );
    assert.deepEqual(made.batches, [3, 2]);
  });

  test('never holds two requests of one id', async () => {
    const made = await bench({ batchSize: 4 });
    const sinks = ['a', 'a', 'b'].map((id) => made.ask({ id }).sink);
    const worker = await made.batch(0);
    assert.deepEqual(
      worker.batch.map(({ id }) => id),
      ['a', 'b'],
    );
    worker.answer();
    await made.batch(0, 2);
    worker.answer();
    await until(() => made.execution.pending === 0);
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['a'], ['a'], ['b']],
    );
  });

  test('under a delay waits until it is full', async () => {
    const made = await bench({ batchSize: 2, batchDelay: 3_000_000 });
    made.ask();
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    assert.equal(made.worker(0).batches.length, 0);
    made.ask();
    assert.equal((await made.batch(0)).batch.length, 2);
  });

  test('under a delay runs alone when it is over, or the execution closes', async () => {
    const made = await bench({ batchSize: 2, batchDelay: 1 });
    made.ask();
    assert.equal((await made.batch(0)).batch.length, 1);
    const closing = await bench({ batchSize: 2, batchDelay: 3_000_000 });
    const { sink } = closing.ask();
    const closed = closing.execution.close();
    (await closing.batch(0)).answer();
    await closed;
    assert.deepEqual(sink.answers, ['r1']);
  });

  test('leaves out who has hung up', async () => {
    const made = await bench();
    made.ask();
    const gone = made.ask();
    const { sink } = made.ask();
    gone.prediction.cancel();
    assert.equal(made.execution.queued, 1);
    made.worker(0).answer();
    assert.equal((await made.batch(0, 2)).batch[0]?.id, 'r3');
    made.worker(0).answer();
    await until(() => sink.answers.length > 0);
    assert.deepEqual(gone.sink.answers, []);
  });

  test('that the worker answers in part fails the others', async () => {
    const made = await bench({ batchSize: 2 });
    const sinks = [made.ask().sink, made.ask().sink];
    const worker = await made.batch(0);
    worker.fail(503, 'Prediction failed');
    await until(() => made.execution.pending === 0);
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['HANDLER_FAILED'], ['HANDLER_FAILED']],
    );
  });
});

suite('what a worker says of a whole batch', () => {
  for (const [code, message, status] of [
    [503, 'Prediction failed', 503],
    [503, 'Invalid model predict output', 503],
    [503, 'number of batch response mismatched', 503],
    [507, 'Out of resources', 507],
    [418, 'short and stout', 418],
    [42, 'no status', 500],
    [-1, 'no status', 500],
  ] as const) {
    test(`${code} ${message} becomes ${status} with that message`, async () => {
      const made = await bench();
      const { sink } = made.ask();
      made.worker(0).fail(code, message);
      await until(() => sink.answers.length > 0);
      const [error] = sink.errors;
      assert.deepEqual(
        [error?.status, error?.message, error?.type],
        [status, message, 'InternalServerException'],
      );
    });
  }
});

suite('a reply', () => {
  test('has the status, the headers and the content type of the handler', async () => {
    const made = await bench();
    const { sink } = made.ask();
    made.worker(0).send([
      workerReply('r1', 'custom', {
        contentType: 'text/plain',
        status: 418,
        phrase: 'Teapot',
        headers: [
          ['foo', 'bar'],
          ['Content-Type', 'text/plain'],
          ['content-length', '3'],
        ],
      }),
    ]);
    await until(() => sink.answers.length > 0);
    assert.deepEqual(sink.last, {
      body: [Buffer.from('custom')],
      contentType: 'text/plain',
      headers: { foo: 'bar' },
      status: { code: 418, phrase: 'Teapot' },
    });
  });

  test('that is too large fails alone', async () => {
    const made = await bench({ batchSize: 2 });
    const sinks = [made.ask().sink, made.ask().sink];
    const worker = await made.batch(0);
    worker.send([workerReply('r1', '', { tooLarge: true }), workerReply('r2', 'fine')]);
    await until(() => made.execution.pending === 0);
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['RESPONSE_TOO_LARGE'], ['fine']],
    );
    assert.equal(made.execution.state, 'ready');
  });
});

const more = { headers: [['ts_stream_next', 'true']] } satisfies Parameters<typeof workerReply>[2];
const last = { headers: [['ts_stream_next', 'false']] } satisfies Parameters<typeof workerReply>[2];

/** The pieces of a reply that is a stream. */
async function readAll(reply: HandlerReply | undefined, into: string[]): Promise<void> {
  const body = reply?.body;
  if (typeof body !== 'object' || !(Symbol.asyncIterator in body)) assert.fail('no stream');
  for await (const piece of body) into.push(Buffer.from(piece).toString());
}

suite('a stream', () => {
  test('is read piece by piece while others of its batch are answered', async () => {
    const made = await bench({ batchSize: 2 });
    const { sink } = made.ask();
    const other = made.ask().sink;
    const worker = await made.batch(0);
    worker.send([workerReply('r1', 'a', more), workerReply('r2', 'whole')]);
    await until(() => sink.last !== undefined);
    assert.deepEqual(sink.last?.headers, { ts_stream_next: 'true' });
    const pieces: string[] = [];
    const read = readAll(sink.last, pieces);
    await until(() => pieces.length === 1);
    worker.send([workerReply('r1', 'b', more)]);
    await until(() => pieces.length === 2);
    assert.equal(made.execution.pending, 2);
    worker.send([workerReply('r1', 'c', last)]);
    await read;
    assert.deepEqual(pieces, ['a', 'b', 'c']);
    assert.deepEqual(other.answers, ['whole']);
    await until(() => made.execution.pending === 0);
  });

  test('breaks off when its worker ends', async () => {
    const made = await bench();
    const { sink } = made.ask();
    made.worker(0).send([workerReply('r1', 'a', more)]);
    await until(() => sink.last !== undefined);
    made.worker(0).die('it fell');
    const pieces: string[] = [];
    await assert.rejects(readAll(sink.last, pieces), /Worker died/);
    assert.deepEqual(pieces, ['a']);
  });

  test('that nobody reads holds the worker up, and one that is given up does not', async () => {
    const made = await bench();
    const { sink } = made.ask();
    const big = 'x'.repeat(600_000);
    for (const piece of [big, big, big]) made.worker(0).send([workerReply('r1', piece, more)]);
    made.worker(0).send([workerReply('r1', 'end', last)]);
    await until(() => sink.last !== undefined);
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    assert.equal(made.execution.pending, 1);
    const body = sink.last?.body;
    if (typeof body !== 'object' || !(Symbol.asyncIterator in body)) assert.fail('no stream');
    const iterator = body[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    await until(() => made.execution.pending === 0);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });

  test('of a client that has gone before goes nowhere', async () => {
    const made = await bench();
    const { sink, prediction } = made.ask();
    await made.batch(0);
    prediction.cancel();
    made.worker(0).send([workerReply('r1', 'x'.repeat(3_000_000), more)]);
    made.worker(0).send([workerReply('r1', 'end', last)]);
    await until(() => made.execution.pending === 0);
    assert.deepEqual(sink.answers, []);
  });

  test('that the handler fails in breaks off', async () => {
    const made = await bench();
    const { sink } = made.ask();
    made.worker(0).send([workerReply('r1', 'a', more)]);
    await until(() => sink.last !== undefined);
    made.worker(0).fail(503, 'Prediction failed');
    await assert.rejects(readAll(sink.last, []), /Prediction failed/);
    assert.equal(made.execution.state, 'ready');
  });
});

suite('a worker that ends', () => {
  test('costs its batch, and is started again; what waits is answered', async () => {
    const made = await bench();
    const lost = made.ask().sink;
    const waiting = made.ask().sink;
    made.worker(0).die('it died of SIGSEGV');
    await until(() => lost.answers.length > 0);
    assert.equal(lost.errors[0]?.status, 500);
    assert.equal(lost.errors[0]?.message, 'Worker died.');
    assert.equal(lost.errors[0]?.reason, 'it died of SIGSEGV');
    (await made.batch(1)).answer();
    await until(() => waiting.answers.length > 0);
    assert.deepEqual(waiting.answers, ['r2']);
    assert.deepEqual(made.losses, ['WORKER_DIED 1: it died of SIGSEGV']);
    assert.equal(made.execution.failure, undefined);
  });

  test('for want of memory answers 507', async () => {
    const made = await bench();
    const { sink } = made.ask();
    made.worker(0).die('it was killed', 'WORKER_OUT_OF_MEMORY');
    await until(() => sink.answers.length > 0);
    assert.equal(sink.errors[0]?.status, 507);
  });

  test('is seen while it is away', async () => {
    const made = await bench({ maxRetryTimeout: 300 });
    made.failures.push(new SconceError('WORKER_START_FAILED', 'no such module'));
    made.worker(0).die('it fell');
    await until(() => made.losses.length === 2);
    assert.equal(made.execution.state, 'loading');
    assert.match(
      made.execution.failure?.message ?? '',
      /^Model "m" Version 1\.0 has lost its worker W-9000-m_1\.0: .*no such module/,
    );
    await until(() => made.execution.state === 'ready');
  });

  test('does not disturb the others', async () => {
    const made = await bench({ instances: 2 });
    const sinks = [made.ask().sink, made.ask().sink];
    await made.batch(1);
    made.worker(0).die('it fell');
    made.worker(1).answer();
    await until(() => sinks.every(({ answers }) => answers.length > 0));
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['WORKER_DIED'], ['r2']],
    );
    assert.equal(made.execution.state, 'ready');
  });

  test('is given up after maxRetryTimeoutInSec; requests are refused', async () => {
    const made = await bench({ maxRetryTimeout: 0 });
    const lost = made.ask().sink;
    const waiting = made.ask().sink;
    made.worker(0).die('it fell');
    await until(() => made.execution.state === 'failed');
    assert.deepEqual(made.losses, ['WORKER_DIED undefined: it fell']);
    assert.deepEqual([lost.answers, waiting.answers], [['WORKER_DIED'], ['NO_CAPACITY']]);
    assert.deepEqual(made.ask().sink.answers, ['NO_CAPACITY']);
    assert.ok(made.execution.failedAt !== undefined);
    await assert.rejects(made.execution.describe(), /has no worker/);
    assert.equal(made.execution.instances, 0);
    await made.execution.scale(1, 1);
    assert.equal(made.execution.state, 'ready');
    assert.equal(made.execution.failedAt, undefined);
  });

  test('and is given up is replaced when the same number is asked for', async () => {
    const made = await bench({ instances: 2, maxRetryTimeout: 0 });
    made.worker(1).die('it fell');
    await until(() => made.execution.instances === 1);
    assert.equal(made.execution.state, 'ready');
    assert.notEqual(made.execution.failure, undefined);
    await made.execution.scale(2, 1);
    assert.equal(made.execution.instances, 2);
    assert.equal(made.execution.failure, undefined);
  });

  test('that hangs is ended after responseTimeout', async () => {
    const made = await bench({ responseTimeout: 0.02 });
    const { sink } = made.ask();
    await until(() => sink.answers.length > 0);
    assert.ok(made.worker(0).isKilled);
    assert.deepEqual(sink.answers, ['WORKER_DIED']);
    assert.equal(sink.errors[0]?.reason, 'it did not answer within responseTimeout (0.02 s)');
    await until(() => made.started.length === 2);
  });
});

suite('a request', () => {
  test('beyond jobQueueSize is refused, and one that hung up leaves its place', async () => {
    const made = await bench({ jobQueueSize: 2 });
    made.ask();
    const first = made.ask();
    made.ask();
    assert.deepEqual(made.ask().sink.answers, ['NO_CAPACITY']);
    first.prediction.cancel();
    assert.deepEqual(made.ask().sink.answers, []);
  });

  test('without a ticket is refused', async () => {
    const made = await bench({ instances: 2, useJobTicket: true });
    const answers = [1, 2, 3].map(() => made.ask().sink.answers);
    assert.deepEqual(answers, [[], [], ['NO_CAPACITY']]);
  });

  test('that waits for longer than clientTimeoutInMills is answered, and never run', async () => {
    const made = await bench({ clientTimeout: 5 });
    made.ask();
    const { sink } = made.ask();
    await until(() => sink.answers.length > 0);
    assert.deepEqual(sink.answers, ['CLIENT_TIMEOUT']);
    assert.equal(sink.errors[0]?.status, 504);
    made.worker(0).answer();
    await until(() => made.execution.pending === 0);
    assert.equal(made.worker(0).batches.length, 1);
  });

  test('waits for a worker that loads as long as for an answer', async () => {
    const made = new ProcessBench(
      { responseTimeout: 0.01 },
      { prepare: () => new Promise(() => {}) },
    );
    const { sink } = made.ask();
    await until(() => sink.answers.length > 0);
    assert.deepEqual(sink.answers, ['RESPONSE_TIMEOUT']);
  });

  test('of a model that cannot be started is refused', async () => {
    const refusal = new SconceError('MODEL_UNSUPPORTED', 'm', 'no Python');
    const made = await bench({}, { prepare: () => Promise.reject(refusal) });
    assert.equal(made.execution.state, 'failed');
    assert.equal(made.execution.failure, refusal);
    await assert.rejects(made.execution.loaded, refusal);
    assert.deepEqual(made.ask().sink.answers, ['MODEL_NOT_LOADED']);
    await made.execution.close();
    assert.equal(made.execution.state, 'failed');
  });
});

suite('a load that fails', () => {
  test('rejects, and is tried again', async () => {
    const made = new ProcessBench();
    benches.push(made);
    made.failures.push(new SconceError('OUT_OF_MEMORY', 'too big'));
    const { sink } = made.ask();
    await assert.rejects(made.execution.loaded, { code: 'OUT_OF_MEMORY' });
    (await made.batch(0)).answer();
    await until(() => sink.answers.length > 0);
    assert.deepEqual(sink.answers, ['r1']);
    await made.execution.loaded;
  });
});

suite('describe()', () => {
  test('asks a worker alone, before what waits', async () => {
    const made = await bench({ batchSize: 8 });
    made.ask();
    const worker = await made.batch(0);
    made.ask();
    const described = made.execution.describe();
    worker.answer();
    await made.batch(0, 2);
    assert.deepEqual(worker.batch[0]?.headers, [['describe', 'True']]);
    worker.send([workerReply(worker.batch[0]?.id ?? '', '{"a": [1]}')]);
    assert.deepEqual(await described, { a: [1] });
    await made.batch(0, 3);
  });

  for (const [text, wanted] of [
    ['', undefined],
    ['[1]', {}],
    ['null', {}],
    ['no JSON', {}],
  ] as const) {
    test(`of ${JSON.stringify(text)} is ${JSON.stringify(wanted)}`, async () => {
      const made = await bench();
      const described = made.execution.describe();
      const worker = await made.batch(0);
      worker.send([workerReply(worker.batch[0]?.id ?? '', text)]);
      assert.deepEqual(await described, wanted);
    });
  }

  test('that takes too long fails alone', async () => {
    const made = await bench({ responseTimeout: 0.05 });
    await assert.rejects(made.execution.describe(), { code: 'DESCRIBE_TIMEOUT' });
    const worker = await made.batch(0);
    worker.send([workerReply(worker.batch[0]?.id ?? '', '{}')]);
    await until(() => made.execution.load.running === 0);
    assert.equal(worker.isKilled, false);
  });
});

suite('scale()', () => {
  test('down lets the newest finish its batch', async () => {
    const made = await bench({ instances: 3 });
    const sinks = [1, 2, 3].map(() => made.ask().sink);
    await made.batch(2);
    const scaled = made.execution.scale(1, 1);
    for (const worker of made.started) worker.answer();
    await scaled;
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['r1'], ['r2'], ['r3']],
    );
    assert.equal(made.execution.instances, 1);
    assert.equal(made.execution.processOf(9000)?.pid, 1);
    assert.equal(made.execution.processOf(9002), undefined);
  });

  test('down ends a batch that takes too long', async () => {
    const made = await bench({ instances: 2, drainTimeout: 5 });
    made.ask();
    const { sink } = made.ask();
    await made.batch(1);
    await made.execution.scale(1, 1);
    assert.deepEqual(sink.answers, ['WORKER_DIED']);
  });

  test('up rejects when a new worker cannot be started', async () => {
    const made = await bench();
    made.failures.push(new SconceError('WORKER_START_FAILED', 'no'));
    await assert.rejects(made.execution.scale(2, 1), { code: 'WORKER_START_FAILED' });
    await until(() => made.started.length === 2);
  });

  test('before it has begun counts from the beginning', async () => {
    const made = new ProcessBench({ instances: 3 });
    benches.push(made);
    await made.execution.scale(1, 1);
    assert.equal(made.started.length, 1);
  });

  test('while a worker waits for its next attempt calls that off', async () => {
    const made = await bench({ instances: 2, maxRetryTimeout: 1e9 });
    made.failures.push(...Array(8).fill(new SconceError('WORKER_START_FAILED', 'no')));
    made.worker(1).die('it fell');
    await until(() => made.losses.length === 3);
    await made.execution.scale(1, 1);
    assert.equal(made.execution.instances, 1);
  });
});

suite('close()', () => {
  test('answers what was admitted and refuses what is new', async () => {
    const made = await bench();
    const sinks = [1, 2, 3].map(() => made.ask().sink);
    const closed = made.execution.close();
    assert.deepEqual(made.ask().sink.answers, ['MODEL_CLOSED']);
    assert.equal(made.execution.state, 'closing');
    for (const count of [1, 2, 3]) (await made.batch(0, count)).answer();
    await closed;
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['r1'], ['r2'], ['r3']],
    );
    assert.equal(made.execution.state, 'closed');
    await made.execution.close();
  });

  test('waits for a batch no longer than drainTimeout', async () => {
    const made = await bench({ drainTimeout: 5 });
    const sinks = [made.ask().sink, made.ask().sink];
    await made.execution.close();
    assert.deepEqual(
      sinks.map(({ answers }) => answers),
      [['WORKER_DIED'], ['MODEL_CLOSED']],
    );
  });

  test('while the only worker is away answers what waits', async () => {
    const made = await bench({ maxRetryTimeout: 1e9 });
    made.failures.push(...Array(30).fill(new SconceError('WORKER_START_FAILED', 'no')));
    made.worker(0).die('it fell');
    const { sink } = made.ask();
    await until(() => made.losses.length === 3);
    await made.execution.close();
    assert.deepEqual(sink.answers, ['MODEL_CLOSED']);
  });

  test('while it loads calls the load off', async () => {
    const made = new ProcessBench(
      {},
      {
        start: (_worker, _threads, _listener, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(new Error('called off')));
          }),
      },
    );
    const { sink } = made.ask();
    await nextTurn();
    await made.execution.close();
    assert.deepEqual(sink.answers, ['MODEL_CLOSED']);
    await assert.rejects(made.execution.loaded, { code: 'MODEL_CLOSED' });
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { SconceError } from '../../../src/errors.js';
import { workerReply } from '../../support/fake-workers.js';
import { ProcessBench } from './process-bench.js';

/** What may happen, and to which worker or request. */
const event = fc.record({
  kind: fc.constantFrom(
    ...(['ask', 'ask', 'ask', 'answer', 'answer', 'stream', 'fail'] as const),
    ...(['die', 'cancel', 'scale', 'turn', 'turn', 'badStart', 'describe'] as const),
  ),
  index: fc.nat(20),
});

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

async function happen(bench: ProcessBench, { kind, index }: Event, asked: Asked[]): Promise<void> {
  const worker = bench.started.at(-1 - (index % Math.max(1, bench.started.length)));
  const done = worker === undefined || worker.isGone || worker.batch.length === 0;
  if (kind === 'ask') asked.push({ ...bench.ask(), isCancelled: false });
  else if (kind === 'turn') await nextTurn();
  else if (kind === 'scale') bench.execution.scale(1 + (index % 3), 1).catch(() => {});
  else if (kind === 'badStart') bench.failures.push(new SconceError('WORKER_START_FAILED', 'no'));
  else if (kind === 'describe') bench.execution.describe().catch(() => {});
  else if (kind === 'cancel') cancel(asked[index]);
  else if (kind === 'die') worker?.die('it fell');
  else if (done) return;
  else if (kind === 'answer') worker.answer();
  else if (kind === 'fail') worker.fail(503, 'Prediction failed');
  else {
    const more = { headers: [['ts_stream_next', 'true']] as [string, string][] };
    worker.send(worker.batch.map(({ id }) => workerReply(id, 'piece', more)));
  }
}

type Asked = ReturnType<ProcessBench['ask']> & { isCancelled: boolean };

function cancel(asked: Asked | undefined): void {
  if (asked === undefined || asked.sink.answers.length > 0) return;
  asked.isCancelled = true;
  asked.prediction.cancel();
}

suite('whatever happens to workers and clients', () => {
  test('each request is answered exactly once, and close() ends everything', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 60 }),
        fc.record({
          instances: fc.integer({ min: 1, max: 3 }),
          batchSize: fc.integer({ min: 1, max: 4 }),
          jobQueueSize: fc.integer({ min: 1, max: 6 }),
          maxRetryTimeout: fc.constantFrom(0, 300),
          useJobTicket: fc.boolean(),
        }),
        async (events, options) => {
          const bench = new ProcessBench(options);
          const asked: Asked[] = [];
          for (const each of events) await happen(bench, each, asked);
          const closed = bench.execution.close();
          let isClosed = false;
          closed.then(() => {
            isClosed = true;
          });
          while (!isClosed) {
            for (const worker of bench.started) if (worker.batch.length > 0) worker.answer();
            await nextTurn();
          }
          for (const { sink, isCancelled } of asked) {
            assert.equal(sink.answers.length, isCancelled ? 0 : 1);
          }
          assert.equal(bench.execution.pending, 0);
          assert.ok(bench.started.every(({ isGone }) => isGone));
        },
      ),
      { numRuns: 200 },
    );
  });
});

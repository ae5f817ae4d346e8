import assert from 'node:assert/strict';
import type { SconceError } from '../../../src/errors.js';
import type { HandlerReply, HandlerRequest } from '../../../src/handlers/handler.js';
import { Prediction, type PredictionSink } from '../../../src/models/prediction.js';
import { BackOff } from '../../../src/models/process/back-off.js';
import {
  ProcessExecution,
  type ProcessExecutionContext,
  type ProcessExecutionOptions,
} from '../../../src/models/process/process-execution.js';
import { until } from '../../support/condition.js';
import { FakeWorker } from '../../support/fake-workers.js';
import { handlerRequest } from '../../support/request.js';

/** What a request was answered, in the order of the answers: a reply's text, or an error's code. */
export class ReplySink implements PredictionSink {
  readonly answers: string[] = [];
  errors: SconceError[] = [];
  last: HandlerReply | undefined;

  reply(reply: HandlerReply, release: () => void): void {
    this.last = reply;
    const { body } = reply;
    if (Array.isArray(body)) this.answers.push(Buffer.concat(body).toString());
    else this.answers.push('stream');
    release();
  }

  fail(error: SconceError): void {
    this.errors.push(error);
    this.answers.push(error.code);
  }
}

/** An execution whose workers are fakes. */
export class ProcessBench {
  readonly started: FakeWorker[] = [];
  readonly losses: string[] = [];
  readonly batches: number[] = [];
  /** What the next starts fail with. */
  readonly failures: SconceError[] = [];
  readonly execution: ProcessExecution;
  #ids = 0;

  constructor(
    given: Partial<ProcessExecutionOptions> = {},
    context: Partial<ProcessExecutionContext> = {},
  ) {
    const options: ProcessExecutionOptions = {
      name: 'm',
      version: '1.0',
      instances: 1,
      intraOpThreads: 1,
      batchSize: 1,
      batchDelay: 0,
      jobQueueSize: 100,
      responseTimeout: 1000,
      clientTimeout: 0,
      maxRetryTimeout: 300,
      useJobTicket: false,
      maxResponseSize: 1000,
      drainTimeout: 100_000,
      ...given,
    };
    this.execution = new ProcessExecution(
      options,
      {
        prepare: async () => {},
        workerAt: (place) => ({ id: 9000 + place, name: `W-${9000 + place}-m_1.0` }),
        start: async (worker, _threads, listener) => {
          const failure = this.failures.shift();
          if (failure !== undefined) throw failure;
          const started = new FakeWorker(worker, listener);
          this.started.push(started);
          return started;
        },
        loaded: () => {},
        line: () => {},
        metric: () => {},
        ran: (requests) => this.batches.push(requests),
        failed: () => {},
        lost: (_worker, error, pause) =>
          this.losses.push(`${error.code} ${pause}: ${error.reason ?? error.message}`),
        unanswered: (error) => assert.fail(String(error)),
        ...context,
      },
      // A second of the back-off is a millisecond here.
      () => new BackOff(options.maxRetryTimeout * 1000, 1),
    );
  }

  ask(given: Partial<HandlerRequest> = {}): { sink: ReplySink; prediction: Prediction } {
    const sink = new ReplySink();
    this.#ids += 1;
    const request = handlerRequest('x', { id: `r${this.#ids}`, ...given });
    const prediction = new Prediction('m', undefined, request, sink);
    this.execution.predict(prediction);
    return { sink, prediction };
  }

  worker(place: number): FakeWorker {
    return this.started[place] ?? assert.fail(`no worker ${place} was started`);
  }

  /** Waits until a worker has its so-and-so-manieth batch. */
  async batch(place: number, count = 1): Promise<FakeWorker> {
    await until(() => (this.started[place]?.batches.length ?? 0) >= count);
    return this.worker(place);
  }
}

import { SconceError } from '../../src/errors.js';
import { Deferred } from '../../src/models/deferred.js';
import type { InstanceName, RunningWorker } from '../../src/models/process/process-instance.js';
import {
  isContinued,
  type WorkerReply,
  type WorkerRequest,
  type WorkerResponse,
} from '../../src/python/worker-messages.js';
import type { WorkerListener } from '../../src/python/worker-options.js';

/** A reply with this text. */
export function workerReply(
  requestId: string,
  text: string,
  given: Partial<WorkerReply> = {},
): WorkerReply {
  return {
    requestId,
    contentType: undefined,
    status: 200,
    phrase: '',
    headers: [],
    body: Buffer.from(text),
    tooLarge: false,
    ...given,
  };
}

/** A worker process that does what the test says, and nothing by itself. */
export class FakeWorker implements RunningWorker {
  readonly pid = 1;
  readonly loadMilliseconds = 5;
  /** Every batch that it was given. */
  readonly batches: (readonly WorkerRequest[])[] = [];
  readonly #sent: (WorkerResponse | SconceError)[] = [];
  #arrived = new Deferred<void>();
  isGone = false;
  isKilled = false;

  constructor(
    readonly worker: InstanceName,
    readonly listener: WorkerListener,
  ) {}

  /** The batch that it works on; an empty one when it has none. */
  get batch(): readonly WorkerRequest[] {
    return this.batches.at(-1) ?? [];
  }

  async *predict(batch: readonly WorkerRequest[]): AsyncGenerator<WorkerResponse, void, void> {
    this.batches.push(batch);
    const waiting = new Set(batch.map(({ id }) => id));
    while (waiting.size > 0) {
      const message = await this.#next();
      if (message instanceof SconceError) throw message;
      for (const reply of message.replies) {
        if (!isContinued(reply)) waiting.delete(reply.requestId);
      }
      yield message;
    }
  }

  /** Answers the batch: each request with its id. */
  answer(): void {
    this.send(this.batch.map(({ id }) => workerReply(id, id)));
  }

  send(replies: WorkerReply[], code = 200, message = 'Prediction success'): void {
    this.#sent.push({ code, message, replies });
    this.#arrived.resolve();
  }

  /** What the batch is told when the handler has failed. */
  fail(code: number, message: string): void {
    this.send(
      this.batch.map(({ id }) => workerReply(id, 'error')),
      code,
      message,
    );
  }

  /** The process ends. */
  die(reason: string, row: 'WORKER_DIED' | 'WORKER_OUT_OF_MEMORY' = 'WORKER_DIED'): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#sent.push(new SconceError(row).because(reason));
    this.#arrived.resolve();
    this.listener.exited({ code: 1, signal: null, reason });
  }

  async memory(): Promise<number | undefined> {
    return this.isGone ? undefined : 1000;
  }

  async stop(): Promise<void> {
    this.die('it was stopped');
  }

  kill(): void {
    this.isKilled = true;
    this.die('it was stopped');
  }

  async #next(): Promise<WorkerResponse | SconceError> {
    for (;;) {
      const message = this.#sent.shift();
      if (message !== undefined) return message;
      this.#arrived = new Deferred();
      await this.#arrived.promise;
    }
  }
}

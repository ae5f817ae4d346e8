import { SconceError } from '../../errors.js';
import type { Prediction } from '../prediction.js';
import { DescribeBatch } from './describe-batch.js';
import type { ProcessInstance } from './process-instance.js';
import type { ProcessInstances } from './process-instances.js';
import { RequestQueue } from './request-queue.js';
import { WorkerBatch } from './worker-batch.js';

export interface DispatcherOptions {
  name: string;
  version: string;
  batchSize: number;
  /** Milliseconds that a batch waits for more requests although a worker is idle. */
  batchDelay: number;
  jobQueueSize: number;
  /** Seconds from a batch to its answer, or between two parts of it. */
  responseTimeout: number;
  /** Milliseconds in the queue; 0 for as long as it takes. */
  clientTimeout: number;
  /** Refuse what no idle worker can take at once. */
  useJobTicket: boolean;
  /** Bytes. */
  maxResponseSize: number;
}

export interface DispatcherHost {
  readonly instances: ProcessInstances;
  /** A batch of so many requests is over. */
  ran(requests: number, queueMicroseconds: number, computeMicroseconds: number): void;
  /** A protocol has thrown when it was given an answer. */
  unanswered(error: unknown): void;
  /** Less is waiting, or in flight. */
  changed(): void;
}

/** Gathers requests into batches, and gives them to instances that have nothing to do. */
export class Dispatcher {
  readonly #queue: RequestQueue;
  readonly #questions: DescribeBatch[] = [];
  #inFlight = 0;
  /** Since when no instance has served, in performance.now() milliseconds. */
  #stalledSince = performance.now();
  #bell: NodeJS.Immediate | undefined;
  #delay: NodeJS.Timeout | undefined;
  #hurried = false;

  constructor(
    private readonly options: DispatcherOptions,
    private readonly host: DispatcherHost,
  ) {
    this.#queue = new RequestQueue({
      limit: options.jobQueueSize,
      deadlineOf: (prediction) => this.#deadlineOf(prediction),
      late: (prediction) => this.#late(prediction),
    });
  }

  get queued(): number {
    return this.#queue.count;
  }

  get pending(): number {
    return this.#queue.count + this.#inFlight;
  }

  /** True when nothing waits, and nothing is in flight. */
  get isEmpty(): boolean {
    return this.pending === 0 && this.#questions.length === 0;
  }

  /** Takes a request, or refuses it. */
  predict(prediction: Prediction): void {
    const { name, useJobTicket } = this.options;
    const hasTicket = !useJobTicket || this.#queue.count < this.host.instances.idle;
    if (hasTicket && this.#queue.offer(prediction)) this.#ring();
    else prediction.failed(new SconceError('NO_CAPACITY', name));
  }

  /** @throws {SconceError} DESCRIBE_TIMEOUT, or what the handler has failed with, as a rejection. */
  async describe(): Promise<Record<string, unknown> | undefined> {
    const question = new DescribeBatch();
    this.#questions.push(question);
    this.dispatch();
    const overdue = setTimeout(() => {
      const place = this.#questions.indexOf(question);
      if (place >= 0) this.#questions.splice(place, 1);
      question.end(new SconceError('DESCRIBE_TIMEOUT'));
    }, this.#responseMilliseconds);
    try {
      return await question.answer;
    } finally {
      clearTimeout(overdue);
    }
  }

  /** Gives idle instances what waits. */
  dispatch(): void {
    for (const instance of this.host.instances.list) {
      if (instance.isIdle && !this.#give(instance)) break;
    }
    this.host.changed();
  }

  /** Batches wait for more requests no longer. */
  hurry(): void {
    this.#hurried = true;
    this.dispatch();
  }

  /** No instance serves: what waits does so for a time. */
  stalled(): void {
    this.#stalledSince = performance.now();
    this.#queue.watch();
  }

  /** An instance serves. */
  resumed(): void {
    this.#queue.watch();
  }

  /** Answers all that wait. */
  refuse(error: () => SconceError): void {
    clearTimeout(this.#delay);
    this.#queue.refuse(error);
    for (const question of this.#questions.splice(0)) question.end(error());
  }

  get #responseMilliseconds(): number {
    return this.options.responseTimeout * 1000;
  }

  /** Requests that are read in one turn run together. */
  #ring(): void {
    if (this.options.batchSize === 1) {
      this.dispatch();
      return;
    }
    this.#bell ??= setImmediate(() => {
      this.#bell = undefined;
      this.dispatch();
    });
  }

  /** False when there is nothing to give. */
  #give(instance: ProcessInstance): boolean {
    const question = this.#questions.shift();
    if (question !== undefined) {
      // Whoever asked is told after responseTimeout; the worker has a little longer.
      instance.run(question, 2 * this.#responseMilliseconds);
      return true;
    }
    if (!this.#isDue()) return false;
    const predictions = this.#queue.take(this.options.batchSize);
    if (predictions.length === 0) return false;
    this.#run(instance, predictions);
    return true;
  }

  /** False while the next batch waits for more requests. */
  #isDue(): boolean {
    const { batchDelay, batchSize } = this.options;
    const { oldest } = this.#queue;
    clearTimeout(this.#delay);
    if (oldest === undefined) return false;
    if (batchDelay === 0 || this.#hurried || this.#queue.count >= batchSize) return true;
    const wait = oldest.since + batchDelay - performance.now();
    if (wait <= 0) return true;
    this.#delay = setTimeout(() => this.dispatch(), Math.ceil(wait));
    return false;
  }

  #run(instance: ProcessInstance, predictions: Prediction[]): void {
    const { length } = predictions;
    const [oldest] = predictions;
    this.#inFlight += length;
    const { maxResponseSize } = this.options;
    const batch = new WorkerBatch(predictions, maxResponseSize, this.host.unanswered, () => {
      this.#inFlight -= length;
      const queued = (batch.since - (oldest?.since ?? batch.since)) * 1000;
      this.host.ran(length, queued, (performance.now() - batch.since) * 1000);
      this.host.changed();
    });
    instance.run(batch);
  }

  /** A request waits as long as its client lets it, and without an instance as for an answer. */
  #deadlineOf({ since }: Prediction): number {
    const { clientTimeout, batchDelay } = this.options;
    const forClient =
      clientTimeout > 0 ? since + clientTimeout + batchDelay : Number.POSITIVE_INFINITY;
    if (this.host.instances.live) return forClient;
    return Math.min(forClient, Math.max(since, this.#stalledSince) + this.#responseMilliseconds);
  }

  #late({ since }: Prediction): SconceError {
    const { name, version, clientTimeout, batchDelay } = this.options;
    const isClients = clientTimeout > 0 && since + clientTimeout + batchDelay <= performance.now();
    return isClients
      ? new SconceError('CLIENT_TIMEOUT', name, version, clientTimeout)
      : new SconceError('RESPONSE_TIMEOUT', name, version, this.#responseMilliseconds);
  }
}

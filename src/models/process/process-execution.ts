import type { Load } from '../../batching/assembler.js';
import { inWords, SconceError, toSconceError } from '../../errors.js';
import type { WorkerMetric } from '../../python/metric-line.js';
import type { WorkerListener } from '../../python/worker-options.js';
import { longestTimer } from '../../timers.js';
import { Deferred } from '../deferred.js';
import type { Execution, ExecutionState, InstanceProcess } from '../execution.js';
import type { Prediction } from '../prediction.js';
import { BackOff } from './back-off.js';
import { Dispatcher, type DispatcherOptions } from './dispatcher.js';
import type { InstanceName, ProcessInstanceHost, RunningWorker } from './process-instance.js';
import { ProcessInstances } from './process-instances.js';

/** Everything about an execution in processes that is settled before it starts. */
export interface ProcessExecutionOptions extends DispatcherOptions {
  instances: number;
  /** Threads that one worker is told to use inside an operation. */
  intraOpThreads: number;
  /** Seconds after its end in which a worker is started again. */
  maxRetryTimeout: number;
  /** Milliseconds that a batch may take that is in flight when its worker shall go. */
  drainTimeout: number;
}

/** What an execution in processes tells, and what starts its workers. */
export interface ProcessExecutionContext {
  /** What comes before the first worker. Rejects with a SconceError when there can be none. */
  prepare(): Promise<void>;
  /** The name of the oldest worker is that of place 0. */
  workerAt(place: number): InstanceName;
  start(
    worker: InstanceName,
    intraOpThreads: number,
    listener: WorkerListener,
    signal: AbortSignal,
  ): Promise<RunningWorker>;
  loaded(worker: InstanceName, milliseconds: number): void;
  line(worker: InstanceName, level: 'info' | 'warn', text: string): void;
  metric(metric: WorkerMetric): void;
  /** A batch of so many requests is over. */
  ran(requests: number, queueMicroseconds: number, computeMicroseconds: number): void;
  /** It cannot be started at all. */
  failed(error: SconceError): void;
  /** A worker has ended; in so many milliseconds it is started again, or not at all. */
  lost(worker: InstanceName, error: SconceError, pause: number | undefined): void;
  /** A protocol has thrown when it was given an answer. */
  unanswered(error: unknown): void;
}

/** The execution of a Python handler, in processes of TorchServe's own workers. */
export class ProcessExecution implements Execution {
  readonly description = undefined;
  readonly inputs = undefined;
  readonly #instances: ProcessInstances;
  readonly #dispatcher: Dispatcher;
  readonly #ready = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  #steady: Promise<void>;
  #intraOpThreads: number;
  /** Why it cannot be started at all, or what its last worker has died of. */
  #failure: SconceError | undefined;
  /** When it has turned out that it cannot be started at all. */
  #unusableSince: number | undefined;
  #prepared = false;
  /** True once a worker has had the model. */
  #served = false;
  #closing = false;
  #isClosed = false;
  #drained: (() => void) | undefined;

  constructor(
    readonly options: ProcessExecutionOptions,
    private readonly context: ProcessExecutionContext,
    private readonly backOff = () => new BackOff(options.maxRetryTimeout * 1000),
  ) {
    const { instances, intraOpThreads, drainTimeout } = options;
    this.#intraOpThreads = intraOpThreads;
    this.#instances = new ProcessInstances(
      instances,
      this.#makeHost(),
      (place) => context.workerAt(place),
      drainTimeout,
    );
    this.#dispatcher = new Dispatcher(options, {
      instances: this.#instances,
      ran: (...batch) => context.ran(...batch),
      unanswered: (error) => context.unanswered(error),
      changed: () => this.#checkDrained(),
    });
    this.#steady = this.#begin();
    this.#steady.then(this.#ready.resolve, this.#ready.reject);
    // A failure is also kept in `failure`; nobody has to be waiting for it.
    this.#ready.promise.catch(() => {});
  }

  get loaded(): Promise<void> {
    return this.state === 'ready' ? Promise.resolve() : this.#ready.promise;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get state(): ExecutionState {
    if (this.#isClosed) return this.#unusableSince === undefined ? 'closed' : 'failed';
    if (this.#closing) return 'closing';
    if (this.#unusableSince !== undefined || this.#instances.isGivenUp) return 'failed';
    return this.#instances.live ? 'ready' : 'loading';
  }

  get failure(): SconceError | undefined {
    return this.#failure;
  }

  get failedAt(): number | undefined {
    return this.#unusableSince ?? this.#instances.failingSince;
  }

  get rowsPerBatch(): number {
    return this.options.batchSize;
  }

  /** Without those that are given up: whoever wants them has to ask again. */
  get instances(): number {
    return this.#instances.wanted - this.#instances.dead;
  }

  get steady(): Promise<void> {
    return this.#steady;
  }

  get pending(): number {
    return this.#dispatcher.pending;
  }

  get queued(): number {
    return this.#dispatcher.queued;
  }

  get load(): Load {
    return { waiting: this.#dispatcher.queued, running: this.#instances.busy };
  }

  predict(prediction: Prediction): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#dispatcher.predict(prediction);
    else prediction.failed(refusal);
  }

  async describe(): Promise<Record<string, unknown> | undefined> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return this.#dispatcher.describe();
  }

  scale(instances: number, intraOpThreads: number): Promise<void> {
    this.#instances.wanted = instances;
    this.#intraOpThreads = intraOpThreads;
    // Before that it begins with as many as are wanted by then.
    if (this.#prepared) {
      this.#steady = this.#closing ? Promise.reject(this.#closedError()) : this.#instances.apply();
      this.#steady.catch(() => {});
    }
    return this.#steady;
  }

  processOf(workerId: number): InstanceProcess | undefined {
    return this.#instances.processOf(workerId);
  }

  measure(): Promise<void> {
    return this.#instances.measure();
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#close().then(this.#closed.resolve, this.#closed.reject);
    }
    return this.closed;
  }

  async #begin(): Promise<void> {
    try {
      await this.context.prepare();
    } catch (error) {
      this.#unusable(toSconceError(error));
      throw error;
    }
    if (this.#closing) throw this.#closedError();
    this.#prepared = true;
    await this.#instances.apply();
  }

  #makeHost(): ProcessInstanceHost {
    const { context, options } = this;
    return {
      responseTimeout: options.responseTimeout * 1000,
      start: (worker, listener, signal) =>
        context.start(worker, this.#intraOpThreads, listener, signal),
      closed: () => this.#closedError(),
      backOff: () => this.backOff(),
      loaded: (worker, milliseconds) => this.#loaded(worker, milliseconds),
      idle: () => this.#dispatcher.dispatch(),
      lost: (worker, error, pause) => this.#lost(worker, error, pause),
      line: (worker, level, text) => context.line(worker, level, text),
      metric: (metric) => context.metric(metric),
    };
  }

  #loaded(worker: InstanceName, milliseconds: number): void {
    this.#served = true;
    if (this.#instances.dead === 0) this.#failure = undefined;
    this.context.loaded(worker, milliseconds);
    this.#dispatcher.resumed();
  }

  #lost(worker: InstanceName, error: SconceError, pause: number | undefined): void {
    const { name, version } = this.options;
    this.#failure = new SconceError('WORKER_LOST', name, version, worker.name, inWords(error));
    this.context.lost(worker, error, pause);
    const refusal = this.#refusal();
    if (refusal !== undefined && !this.#closing) this.#dispatcher.refuse(() => refusal);
    else if (!this.#instances.live) this.#dispatcher.stalled();
    this.#checkDrained();
  }

  /** There can be no worker. */
  #unusable(error: SconceError): void {
    this.#unusableSince = performance.now();
    this.#failure = error;
    const { name, version } = this.options;
    this.#dispatcher.refuse(() => new SconceError('MODEL_NOT_LOADED', name, version, name));
    if (!this.#closing) this.context.failed(error);
  }

  /** Why a request cannot be taken, if it cannot. */
  #refusal(): SconceError | undefined {
    const { name, version } = this.options;
    if (this.#closing) return this.#closedError();
    if (this.state !== 'failed') return undefined;
    return this.#served
      ? new SconceError('NO_CAPACITY', name)
      : new SconceError('MODEL_NOT_LOADED', name, version, name);
  }

  #closedError(): SconceError {
    return new SconceError('MODEL_CLOSED', this.options.name, this.options.version);
  }

  /** Answers what was admitted, as far as there is a worker, and ends the processes. */
  async #close(): Promise<void> {
    const { drainTimeout } = this.options;
    const began = performance.now();
    this.#dispatcher.hurry();
    if (!this.#isDrained) await this.#untilDrained(drainTimeout);
    this.#dispatcher.refuse(() => this.#closedError());
    await this.#instances.end(Math.max(0, drainTimeout - (performance.now() - began)));
    await this.#steady.catch(() => {});
    this.#isClosed = true;
  }

  async #untilDrained(timeout: number): Promise<void> {
    const drained = new Deferred<void>();
    this.#drained = drained.resolve;
    const overdue = setTimeout(drained.resolve, Math.min(timeout, longestTimer));
    await drained.promise;
    clearTimeout(overdue);
  }

  get #isDrained(): boolean {
    return !this.#instances.live || this.#dispatcher.isEmpty;
  }

  #checkDrained(): void {
    if (this.#drained !== undefined && this.#isDrained) this.#drained();
  }
}

import { SconceError, toSconceError } from '../../errors.js';
import type { WorkerMetric } from '../../python/metric-line.js';
import type { WorkerEnd, WorkerListener } from '../../python/worker-options.js';
import type { WorkerProcess } from '../../python/worker-process.js';
import { longestTimer } from '../../timers.js';
import { Deferred } from '../deferred.js';
import type { InstanceProcess } from '../execution.js';
import type { BackOff } from './back-off.js';
import type { Batch } from './worker-batch.js';

/** What an instance does with its process. */
export type RunningWorker = Pick<
  WorkerProcess,
  'pid' | 'loadMilliseconds' | 'predict' | 'memory' | 'stop' | 'kill'
>;

/** The execution whose instance it is. */
export interface ProcessInstanceHost {
  /** Starts a process with the model. Rejects with a SconceError, also when it is aborted. */
  start(
    worker: InstanceName,
    listener: WorkerListener,
    signal: AbortSignal,
  ): Promise<RunningWorker>;
  /** Milliseconds between a batch and its answer, or two parts of it. */
  readonly responseTimeout: number;
  /** What those are told who wait for an instance that is stopped. */
  closed(): SconceError;
  /** A back-off for an instance that is new or revived. */
  backOff(): BackOff;
  /** Its process serves. */
  loaded(worker: InstanceName, milliseconds: number): void;
  /** It has nothing to do. */
  idle(): void;
  /**
   * Its process has ended, or could not be started.
   *
   * @param pause milliseconds until the next attempt; undefined when there is none
   */
  lost(worker: InstanceName, error: SconceError, pause: number | undefined): void;
  line(worker: InstanceName, level: 'info' | 'warn', text: string): void;
  metric(metric: WorkerMetric): void;
}

/** As TorchServe counts and names workers. */
export interface InstanceName {
  id: number;
  /** `W-9000-model_1.0` */
  name: string;
}

type State = 'starting' | 'idle' | 'busy' | 'ending' | 'pausing' | 'dead' | 'stopped';

/** An instance that is a Python process: started again when it ends, one batch at a time. */
export class ProcessInstance {
  #state: State = 'starting';
  #process: RunningWorker | undefined;
  #memory = 0;
  #backOff: BackOff;
  readonly #stop = new AbortController();
  /** Why it was killed from here. */
  #killedFor: string | undefined;
  #pause: Deferred<void> | undefined;
  /** Settles when the batch of the moment is over. */
  #running: Promise<void> = Promise.resolve();
  #loaded = new Deferred<void>();
  #gone: Promise<void>;

  constructor(
    readonly worker: InstanceName,
    private readonly host: ProcessInstanceHost,
  ) {
    this.#backOff = host.backOff();
    this.#loaded.promise.catch(() => {});
    this.#gone = this.#live();
  }

  /** Resolves when it serves; rejects when the first attempt to start it fails. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  get isIdle(): boolean {
    return this.#state === 'idle' && this.#process !== undefined && !this.#stopping;
  }

  get isBusy(): boolean {
    return this.#state === 'busy';
  }

  /** True while its process has the model. */
  get isLive(): boolean {
    return this.isBusy || (this.#state === 'idle' && this.#process !== undefined);
  }

  /** True when it is not started again. */
  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Since when it is not running, in performance.now() milliseconds. */
  get failingSince(): number | undefined {
    return this.#backOff.failingSince;
  }

  get process(): InstanceProcess | undefined {
    if (this.#process === undefined) return undefined;
    return { pid: this.#process.pid, memory: this.#memory };
  }

  async measure(): Promise<void> {
    this.#memory = (await this.#process?.memory()) ?? this.#memory;
  }

  /** Gives an idle instance a batch, whose requests are all answered, whatever happens. */
  run(batch: Batch, timeout = this.host.responseTimeout): void {
    this.#state = 'busy';
    this.#running = this.#run(batch, timeout);
  }

  /** Tries again, after it was given up. */
  revive(): void {
    if (!this.isDead || this.#stopping) return;
    this.#state = 'starting';
    this.#backOff = this.host.backOff();
    this.#loaded = new Deferred();
    this.#loaded.promise.catch(() => {});
    this.#gone = this.#live();
  }

  /**
   * Ends it after its batch.
   *
   * @param patience milliseconds for the batch; then it is lost
   */
  async stop(patience: number): Promise<void> {
    this.#stop.abort();
    this.#pause?.resolve();
    const overdue = setTimeout(
      () => this.#kill('the model was removed, or scaled down, and the batch did not end'),
      Math.min(patience, longestTimer),
    );
    await this.#running;
    await this.#process?.stop();
    await this.#gone;
    clearTimeout(overdue);
    this.#state = 'stopped';
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  #kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#process?.kill();
  }

  /** Starts processes, one after the other, until it is stopped or given up. */
  async #live(): Promise<void> {
    while (!this.#stopping) {
      const error = await this.#serve();
      if (this.#stopping) break;
      const pause = this.#backOff.next();
      this.#state = pause === undefined ? 'dead' : 'pausing';
      this.#loaded.reject(error);
      this.host.lost(this.worker, error, pause);
      if (pause === undefined) return;
      await this.#wait(pause);
    }
    this.#state = 'stopped';
    this.#loaded.reject(this.host.closed());
  }

  /** Starts a process and sees it end. */
  async #serve(): Promise<SconceError> {
    const end = new Deferred<WorkerEnd>();
    this.#state = 'starting';
    this.#killedFor = undefined;
    let isGone = false;
    let started: RunningWorker;
    try {
      started = await this.host.start(
        this.worker,
        {
          line: (level, text) => this.host.line(this.worker, level, text),
          metric: (metric) => this.host.metric(metric),
          exited: (how) => {
            // At once, so that nothing is given to what is gone.
            this.#process = undefined;
            isGone = true;
            end.resolve(how);
          },
        },
        this.#stop.signal,
      );
    } catch (error) {
      return toSconceError(error);
    }
    if (!isGone) this.#process = started;
    if (this.#stopping) await started.stop();
    else await this.#loadedProcess(started);
    const how = await end.promise;
    this.#memory = 0;
    // Its batch has its answers before the next process begins.
    await this.#running;
    return this.#lossOf(new SconceError('WORKER_DIED').because(how.reason));
  }

  async #loadedProcess(started: RunningWorker): Promise<void> {
    this.#backOff.reset();
    this.#state = 'idle';
    this.host.loaded(this.worker, started.loadMilliseconds);
    this.#loaded.resolve();
    this.host.idle();
    await this.measure();
  }

  async #run(batch: Batch, timeout: number): Promise<void> {
    const { host } = this;
    const process = this.#process;
    let timer: NodeJS.Timeout | undefined;
    const watch = (): void => {
      timer = setTimeout(
        () => this.#kill(`it did not answer within responseTimeout (${timeout / 1000} s)`),
        Math.min(timeout, longestTimer),
      );
    };
    try {
      if (process === undefined) throw new SconceError('INTERNAL', 'the instance has no process');
      watch();
      for await (const response of process.predict(batch.requests)) {
        clearTimeout(timer);
        await batch.take(response);
        watch();
      }
      clearTimeout(timer);
      batch.end();
    } catch (error) {
      clearTimeout(timer);
      this.#state = 'ending';
      const loss = this.#lossOf(error);
      batch.end(loss);
      // Gone already, unless it is we who have failed: what it answers now is nobody's.
      this.#kill(loss.reason ?? loss.message);
      return;
    }
    if (this.#process !== process) return;
    this.#state = 'idle';
    if (!this.#stopping) host.idle();
  }

  /** What those are told who had a request with the process. */
  #lossOf(error: unknown): SconceError {
    if (this.#killedFor !== undefined) {
      return new SconceError('WORKER_DIED').because(this.#killedFor);
    }
    return toSconceError(error);
  }

  async #wait(milliseconds: number): Promise<void> {
    const pause = new Deferred<void>();
    this.#pause = pause;
    const timer = setTimeout(() => pause.resolve(), Math.min(milliseconds, longestTimer));
    await pause.promise;
    clearTimeout(timer);
    this.#pause = undefined;
  }
}

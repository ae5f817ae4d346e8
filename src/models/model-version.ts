import type { Load } from '../batching/assembler.js';
import type { SlabBudget } from '../batching/slab-budget.js';
import { inWords, SconceError, toSconceError } from '../errors.js';
import { withEnvelope } from '../handlers/envelopes/with-envelope.js';
import type { HandlerFactory } from '../handlers/registry.js';
import type { OffLoop } from '../handlers/tensor/off-loop.js';
import type { TensorPlan } from '../handlers/tensor/tensor-plan.js';
import type { Log } from '../logging/log.js';
import type { Messages } from '../logging/messages.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import type { NativeModelDescription } from '../native/addon.js';
import type { ExecutionPlan } from '../plans/plan.js';
import type { PlanRecord } from '../plans/plan-record.js';
import { chosenInWords } from '../plans/plan-report.js';
import type { Planner } from '../plans/planner.js';
import type { FileChecks } from '../workers/file-checks.js';
import type { CudaGraphs } from './cuda-graphs.js';
import { firstDevice } from './device.js';
import type { DeviceHealth } from './device-health.js';
import { deviceAt } from './device-placement.js';
import type { Execution, ExecutionState, InstanceProcess } from './execution.js';
import type { ModelSource } from './model-source.js';
import { NativeExecution } from './native-execution.js';
import type { Prediction } from './prediction.js';
import { ProcessExecution } from './process/process-execution.js';
import type { InstanceName } from './process/process-instance.js';
import { type PythonSettings, PythonWorkers } from './process/python-workers.js';
import { WorkerMetrics } from './process/worker-metrics.js';
import { limitTime } from './request-deadline.js';
import { type Runner, runnerOf } from './runner.js';
import { budgetThreads } from './thread-budget.js';
import type { VersionOptions } from './version-options.js';
import { Workers } from './workers.js';

/** `unloaded`: registered, without an instance. */
export type VersionState = ExecutionState | 'unloaded';

/** What a version shares with the others. */
export interface VersionContext {
  cores: number;
  budget: SlabBudget;
  offLoop: OffLoop;
  checks: FileChecks;
  metrics: VersionMetrics;
  log: Log;
  /** Takes what the code of the model prints. */
  modelLog: Messages['model'];
  handlers: ReadonlyMap<string, HandlerFactory>;
  /** Chooses plans for models that run on threads of this process. */
  planner: Planner;
  /** Which devices can be used. */
  devices: DeviceHealth;
  /** For handlers in Python. */
  python: PythonSettings;
  /** The next number of a worker, as TorchServe counts them over all models. */
  nextWorkerId(): number;
}

/** One version of one model: how many instances it shall have, and what runs while it has some. */
export class ModelVersion {
  readonly registeredAt = new Date();
  /** Which way it runs. */
  readonly runner: Runner;
  readonly #workers: Workers;
  #python: PythonWorkers | undefined;
  #minWorkers = 0;
  #maxWorkers = 0;
  #execution: Execution | undefined;
  /** Executions that answer what they had admitted when the version was scaled to nothing. */
  readonly #draining = new Set<Execution>();
  #closed: Promise<void> | undefined;
  /** Whether somebody has said how many instances there are to be since it was registered. */
  #isScaled = false;
  /** How the plan that runs divides the cores. */
  #planned: Pick<ExecutionPlan, 'instances' | 'intraOpThreads'> | undefined;

  constructor(
    readonly source: ModelSource,
    readonly options: VersionOptions,
    /** True for a model that the server was started with. */
    readonly loadedAtStartup: boolean,
    private readonly context: VersionContext,
  ) {
    this.#workers = new Workers(context.nextWorkerId);
    const runner = runnerOf(source, context.handlers);
    this.runner =
      runner.kind === 'here'
        ? { ...runner, factory: withEnvelope(runner.factory, options.envelope) }
        : runner;
  }

  get name(): string {
    return this.source.name;
  }

  get version(): string {
    return this.source.version;
  }

  get state(): VersionState {
    if (this.#closed !== undefined) return this.#execution?.state ?? 'closed';
    return this.#execution?.state ?? 'unloaded';
  }

  /** True once it is being removed. */
  get removed(): boolean {
    return this.#closed !== undefined;
  }

  /** Why it could not be loaded, or serves no more. */
  get failure(): SconceError | undefined {
    return this.#execution?.failure;
  }

  /** When that was, in performance.now() milliseconds. */
  get failedAt(): number | undefined {
    return this.#execution?.failedAt;
  }

  /** Resolves when requests are answered; rejects with the error of the load. */
  get loaded(): Promise<void> {
    return this.#execution?.loaded ?? Promise.resolve();
  }

  get minWorkers(): number {
    return this.#minWorkers;
  }

  get maxWorkers(): number {
    return this.#maxWorkers;
  }

  /** Instances as the management API shows them. */
  get workers(): Workers['list'] {
    return this.#workers.list;
  }

  /**
   * The process of a worker; undefined while it does not run.
   *
   * @returns null where workers are threads of this process
   */
  processOf(workerId: number): InstanceProcess | undefined | null {
    return this.runner.kind === 'process' ? this.#execution?.processOf?.(workerId) : null;
  }

  /** Where a worker runs: `cpu` or `cuda:N`. */
  deviceOf(workerId: number): string {
    if (this.#python !== undefined) return this.#python.deviceOf(workerId);
    const place = this.#workers.list.findIndex(({ id }) => id === workerId);
    return deviceAt(this.#usable, Math.max(0, place));
  }

  /** Where its workers run; without any, where they may. */
  get devices(): readonly string[] {
    const used = this.#workers.list.map(({ id }) => this.deviceOf(id));
    return used.length === 0 ? this.#usable : [...new Set(used)];
  }

  /** Those of its devices that work; all where none does: nothing is loaded there then. */
  get #usable(): readonly string[] {
    const working = this.context.devices.working(this.options.devices);
    return working.length > 0 ? working : this.options.devices;
  }

  /** Measures what the processes of the workers take, if they are any. */
  async measure(): Promise<void> {
    await this.#execution?.measure?.();
  }

  /** What the file says of itself; undefined until it is loaded. */
  get description(): NativeModelDescription | undefined {
    return this.#execution?.description;
  }

  /** How its plan was chosen; undefined where none is, and while it loads. */
  get plan(): PlanRecord | undefined {
    return this.#execution?.plan;
  }

  /** What became of its CUDA graphs; undefined where it was to have none. */
  get graphs(): CudaGraphs | undefined {
    return this.#execution?.graphs;
  }

  /** What requests must hold, for people: `features: float32[n, 64]`. */
  get inputs(): string | undefined {
    return this.#execution?.inputs;
  }

  /** Most rows in a batch: fewer than batchSize when rows are large. */
  get rowsPerBatch(): number {
    return this.#execution?.rowsPerBatch ?? this.options.batchSize;
  }

  /** Threads that one instance uses inside an operation. */
  get intraOpThreads(): number {
    return this.#threads(Math.max(1, this.#workers.list.length)).intraOpThreads;
  }

  /** Requests admitted and not answered. */
  get pending(): number {
    let pending = this.#execution?.pending ?? 0;
    for (const execution of this.#draining) pending += execution.pending;
    return pending;
  }

  /** Requests that no instance has taken yet. */
  get queued(): number {
    return this.#execution?.queued ?? 0;
  }

  /** What the instances have to do. */
  get load(): Load {
    return this.#execution?.load ?? { waiting: 0, running: 0 };
  }

  /**
   * What requests hold, when they are tensors and nothing else: any thread can prepare their rows.
   * Another object for each execution.
   */
  get tensorPlan(): TensorPlan | undefined {
    // Whether an instance is idle is asked for each request.
    return this.options.useJobTicket ? undefined : this.#execution?.tensorPlan;
  }

  /** Answers a request through its sink; never throws. */
  predict(prediction: Prediction): void {
    prediction.admit(this.context.metrics, this.context.log);
    const { timeout } = prediction.request;
    if (timeout !== undefined) limitTime(prediction, timeout, this.name, this.version);
    if (this.#execution !== undefined) {
      this.#execution.predict(prediction);
    } else if (this.#closed !== undefined) {
      prediction.failed(new SconceError('MODEL_CLOSED', this.name, this.version));
    } else {
      prediction.failed(new SconceError('NO_CAPACITY', this.name));
    }
  }

  /**
   * What the handler says of the model, if it says anything.
   *
   * @throws {SconceError} NO_CAPACITY_DESCRIBE without an instance, DESCRIBE_TIMEOUT when it
   *   cannot be asked.
   */
  async describe(): Promise<Record<string, unknown> | undefined> {
    const execution = this.#execution;
    if (execution === undefined) throw new SconceError('NO_CAPACITY_DESCRIBE', this.name);
    try {
      await execution.loaded;
    } catch (error) {
      throw new SconceError('DESCRIBE_TIMEOUT').because(inWords(toSconceError(error)));
    }
    return execution.describe();
  }

  /** Starts as many instances as its options say, or as its plan finds to be best. As scale(). */
  begin(): Promise<void> {
    const { minWorkers, maxWorkers } = this.options.workers;
    return this.#scale(minWorkers, maxWorkers);
  }

  /**
   * Sets the bounds of the number of instances, and starts or stops as many as they ask for.
   *
   * @returns when that many run, and what was in flight on those that stopped is answered; rejects
   *   with the SconceError of the load, or MODEL_CLOSED.
   */
  scale(minWorkers: number, maxWorkers: number): Promise<void> {
    this.#isScaled = true;
    return this.#scale(minWorkers, maxWorkers);
  }

  #scale(minWorkers: number, maxWorkers: number): Promise<void> {
    this.#minWorkers = minWorkers;
    this.#maxWorkers = maxWorkers;
    const count = this.#workers.list.length;
    return this.setInstances(Math.max(minWorkers, Math.min(count, maxWorkers)));
  }

  /** Starts or stops instances. As scale(); never more than it has allowed for. */
  async setInstances(wanted: number): Promise<void> {
    const count = Math.min(wanted, this.#maxWorkers);
    if (this.#closed !== undefined) {
      throw new SconceError('MODEL_CLOSED', this.name, this.version);
    }
    const isBroken = this.#execution?.state === 'failed' || this.#execution?.state === 'stuck';
    const drained = count === 0 || isBroken ? this.#retire() : undefined;
    this.#workers.resize(count);
    if (count === 0) return drained;
    const execution = this.#execution;
    if (execution === undefined) return this.#start(count);
    if (execution.instances === count) return execution.steady;
    try {
      await execution.scale(count, this.#takeThreads(count));
    } catch (error) {
      if (this.#execution === execution) this.#workers.resize(execution.instances);
      throw error;
    }
  }

  /** A device runs nothing more: what it was asked there is answered with the error. */
  deviceFailed(device: string, error: SconceError): void {
    this.#execution?.deviceFailed?.(device, error);
    for (const execution of this.#draining) execution.deviceFailed?.(device, error);
  }

  /**
   * Answers what was admitted, refuses what is new, ends the threads, and gives back what was
   * unpacked.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const executions = [...this.#draining];
    if (this.#execution !== undefined) executions.push(this.#execution);
    await Promise.all(executions.map((execution) => execution.close()));
    this.context.metrics.retire();
    await this.source.dispose();
  }

  #threads(instances: number): ReturnType<typeof budgetThreads> {
    const planned = this.#planned?.instances === instances ? this.#planned.intraOpThreads : 0;
    const { intraOpThreads } = this.options;
    return budgetThreads(this.context.cores, instances, planned > 0 ? planned : intraOpThreads);
  }

  /** As #threads(), for instances that are about to run. */
  #takeThreads(instances: number): number {
    const { intraOpThreads, warning } = this.#threads(instances);
    const onCpu = firstDevice(this.options.devices) === 'cpu';
    if (warning !== undefined && onCpu) this.context.log.warn(warning);
    return intraOpThreads;
  }

  async #start(instances: number): Promise<void> {
    const execution =
      this.runner.kind === 'process' ? this.#inProcesses(instances) : this.#onThreads(instances);
    this.#execution = execution;
    await execution.loaded;
    this.context.log.info(this.#loadSummary(execution), 'model loaded');
  }

  #onThreads(instances: number): NativeExecution {
    const { options, source, context, runner } = this;
    // The oldest, which is the last to stop: instances are not told apart in what they print.
    const worker = this.#workerName(this.#workers.list[0]?.id ?? 0);
    return new NativeExecution(
      {
        ...options,
        devices: this.#usable,
        source,
        instances,
        intraOpThreads: this.#takeThreads(instances),
        planFixed: {
          ...options.planFixed,
          instances: options.planFixed.instances || this.#isScaled,
        },
        handler: runner.kind === 'here' ? runner.factory : undefined,
        problem:
          runner.kind === 'refused'
            ? new SconceError('MODEL_UNSUPPORTED', this.name, runner.reason)
            : context.devices.problem(options.devices),
      },
      {
        budget: context.budget,
        offLoop: context.offLoop,
        checks: context.checks,
        metrics: context.metrics,
        planner: context.planner,
        planLog: {
          info: (message) => context.log.info(message),
          warn: (message) => context.log.warn(message),
        },
        planned: (plan, record) => this.#usePlan(plan, record),
        instancesStarted: (milliseconds, running) => this.#instancesStarted(milliseconds, running),
        printed: (lines, dropped, level) => this.#printed(worker, lines, dropped, level),
        failed: (error) => context.log.error(inWords(error)),
        hanging: (batches, replacements) => {
          const { responseTimeout } = options;
          context.log.warn({ batches, replacements, responseTimeout }, 'batches do not end');
        },
        onLoop: (rows, why) => {
          const which = rows === 0 ? 'no batches' : `batches of up to ${rows} rows`;
          context.log.info({ rows }, `${which} run on the main loop: ${why}`);
        },
        recovered: () => context.log.info('serves again'),
        deviceFailed: (device, why) => context.devices.failed(device, why),
        lost: (requestIds) =>
          context.log.error({ requestIds }, 'the device failed while it ran these requests'),
      },
    );
  }

  /** The instances of a plan are the workers that the API shows. */
  #usePlan(plan: ExecutionPlan, record: PlanRecord): void {
    this.#planned = plan;
    if (plan.instances !== this.#workers.list.length) {
      this.#minWorkers = plan.instances;
      this.#maxWorkers = plan.instances;
      this.#workers.resize(plan.instances);
    }
    if (record.source !== 'none') this.context.log.info(chosenInWords(this, record));
  }

  #inProcesses(instances: number): ProcessExecution {
    const { options, source, context } = this;
    const { log, metrics, python } = context;
    const { name, version } = source;
    this.#python ??= new PythonWorkers(source, options, python, (line) => log.info(line));
    const workers = this.#python;
    const workerMetrics = new WorkerMetrics(metrics.custom(), (error) =>
      log.warn(inWords(toSconceError(error))),
    );
    return new ProcessExecution(
      {
        ...options,
        name,
        version,
        instances,
        intraOpThreads: this.#takeThreads(instances),
        maxResponseSize: python.maxResponseSize,
        drainTimeout: python.unregisterModelTimeout * 1000,
      },
      {
        prepare: () => workers.prepare(),
        start: (...given) => workers.start(...given),
        workerAt: (place) => this.#workerAt(place),
        loaded: (worker, milliseconds) => {
          this.#workers.loaded(worker.id, milliseconds);
          metrics.workerLoaded(worker.name, milliseconds);
        },
        line: (worker, level, text) => context.modelLog(level, worker.name, text),
        metric: (metric) => workerMetrics.take(metric),
        ran: (...batch) => metrics.workerBatch(...batch),
        failed: (error) => log.error(inWords(error)),
        lost: (worker, error, pause) =>
          log.error({ worker: worker.name, secondsToRestart: seconds(pause) }, inWords(error)),
        unanswered: (error) => log.error({ err: error }, 'a reply could not be sent'),
      },
    );
  }

  #workerAt(place: number): InstanceName {
    const id = this.#workers.list[place]?.id ?? this.context.nextWorkerId();
    return { id, name: this.#workerName(id) };
  }

  #instancesStarted(milliseconds: readonly number[], running: number): void {
    for (const { id, loadMilliseconds = 0 } of this.#workers.started(milliseconds, running)) {
      this.context.metrics.workerLoaded(this.#workerName(id), loadMilliseconds);
    }
  }

  /** As TorchServe names the threads of its workers. */
  #workerName(id: number): string {
    return `W-${id}-${this.name}_${this.version}`;
  }

  #printed(
    worker: string,
    lines: readonly string[],
    dropped: number,
    level: 'info' | 'warn' = 'info',
  ): void {
    for (const line of lines) this.context.modelLog(level, worker, line);
    if (dropped === 0) return;
    const notice = `${dropped} more lines were printed faster than they can be logged, and dropped`;
    this.context.modelLog('warn', worker, notice);
  }

  /**
   * Takes the execution out of service.
   *
   * @returns when it has answered what it had
   */
  async #retire(): Promise<void> {
    this.#workers.resize(0);
    this.#planned = undefined;
    const execution = this.#execution;
    if (execution === undefined) return;
    this.#execution = undefined;
    this.#draining.add(execution);
    await execution.close();
    this.#draining.delete(execution);
  }

  #loadSummary({ description, inputs, instances }: Execution): Record<string, unknown> {
    const { batchSize } = this.options;
    return {
      path: this.source.path,
      inputs,
      returns: description?.returns,
      device: this.devices.join(),
      instances,
      intraOpThreads: this.intraOpThreads,
      batchSize,
      parameterBytes: description?.parameterBytes,
      frozen: description?.frozen,
      loadMilliseconds: Math.round(description?.loadMilliseconds ?? 0),
    };
  }
}

/** For the log; null when there is no restart. */
function seconds(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : milliseconds / 1000;
}

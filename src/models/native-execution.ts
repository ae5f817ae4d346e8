import type { Load } from '../batching/assembler.js';
import { SconceError } from '../errors.js';
import type { RequestHandler } from '../handlers/handler.js';
import type { TensorPlan } from '../handlers/tensor/tensor-plan.js';
import type { BatchEvent, NativeModelDescription } from '../native/addon.js';
import { openModel } from '../native/runtime.js';
import type { PlanRecord } from '../plans/plan-record.js';
import type { CudaGraphs } from './cuda-graphs.js';
import { CurrentModel } from './current-model.js';
import { EarlyRequests } from './early-requests.js';
import type { Execution, ExecutionState } from './execution.js';
import { ExecutionLife } from './execution-life.js';
import { Instances } from './instances.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';
import { type LoadedExecution, NativeLoading, type NativeLoadingHost } from './native-loading.js';
import type { OpenedModelHost } from './opened-model.js';
import { PlanChoice } from './plan-choice.js';
import type { Prediction } from './prediction.js';
import type { Serving } from './serving.js';

/** The execution of a TorchScript file, on threads of this process. */
export class NativeExecution implements Execution {
  #rowsPerBatch: number | undefined;
  readonly #life: ExecutionLife;
  readonly #instances: Instances;
  readonly #model: CurrentModel;
  readonly #plans: PlanChoice;
  /** Undefined when there is a problem. */
  readonly #loading: NativeLoading | undefined;
  /** Devices that run nothing more. */
  readonly #lost = new Set<string>();
  /** True when every thread is gone, and none will come. */
  #isOver = false;
  #serving: Serving | undefined;
  /** The handler, when it runs on threads; they may live when it does not serve yet, or no more. */
  #threaded: RequestHandler | undefined;
  #description: NativeModelDescription | undefined;
  #graphs: CudaGraphs | undefined;
  readonly #early: EarlyRequests;

  constructor(
    readonly options: NativeExecutionOptions,
    private readonly context: NativeExecutionContext,
    open: typeof openModel = openModel,
  ) {
    const { problem, source } = options;
    const { name, version } = source;
    this.#early = new EarlyRequests({ ...options, modelName: name, modelVersion: version });
    this.#life = new ExecutionLife(source);
    this.#plans = new PlanChoice(options, context, this.#life.loading);
    this.#model = new CurrentModel(options, this.#modelHost(), this.#life.loading, open);
    this.#instances = this.#makeInstances();
    if (problem === undefined) {
      this.#life.watchStartup(options.startupTimeout, (error) => this.#fail(error));
      this.#loading = new NativeLoading(options, context, this.#loadingHost());
      void this.#load(this.#loading);
    } else {
      this.#fail(problem);
      this.#ended();
    }
  }

  private get name(): string {
    return this.options.source.name;
  }

  private get version(): string {
    return this.options.source.version;
  }

  get loaded(): Promise<void> {
    return this.#life.loaded;
  }

  get closed(): Promise<void> {
    return this.#life.closed;
  }

  get state(): ExecutionState {
    const isStuck =
      this.#instances.stuckSince !== undefined || this.#threaded?.failure !== undefined;
    const { state } = this.#life;
    return state === 'ready' && isStuck ? 'stuck' : state;
  }

  get failure(): SconceError | undefined {
    const { failure } = this.#life;
    if (failure !== undefined || this.state !== 'stuck') return failure;
    return this.#instances.stuckSince === undefined ? this.#threaded?.failure : this.#stuckError();
  }

  get failedAt(): number | undefined {
    return this.#life.failedAt ?? this.#instances.stuckSince ?? this.#threaded?.failingSince;
  }

  get description(): NativeModelDescription | undefined {
    return this.#description;
  }

  get plan(): PlanRecord | undefined {
    return this.state === 'loading' ? undefined : this.#plans.record;
  }

  get graphs(): CudaGraphs | undefined {
    return this.#graphs;
  }

  get inputs(): string | undefined {
    return this.#serving?.handler.inputs;
  }

  get rowsPerBatch(): number {
    return this.#rowsPerBatch ?? this.options.batchSize;
  }

  get instances(): number {
    return this.#instances.wanted;
  }

  get steady(): Promise<void> {
    return this.#instances.steady;
  }

  async describe(): Promise<Record<string, unknown> | undefined> {
    return this.#serving?.handler.describe();
  }

  get pending(): number {
    return this.#early.count + (this.#serving?.pending ?? 0);
  }

  get queued(): number {
    return this.#early.count + (this.#serving?.queued ?? 0);
  }

  get load(): Load {
    return this.#serving?.load ?? { waiting: 0, running: 0 };
  }

  get tensorPlan(): TensorPlan | undefined {
    const handler = this.#serving?.handler;
    if (this.#life.state !== 'ready' || handler?.kind !== 'rows') return undefined;
    return handler.tensorPlan;
  }

  predict(prediction: Prediction): void {
    const { state } = this.#life;
    if (state === 'loading') {
      if (this.options.useJobTicket) prediction.failed(new SconceError('NO_CAPACITY', this.name));
      else this.#early.hold(prediction);
      return;
    }
    if (state !== 'ready' || this.#serving === undefined) {
      prediction.failed(this.#refusal());
      return;
    }
    this.#serving.predict(prediction);
  }

  scale(instances: number, intraOpThreads: number): Promise<void> {
    return this.#instances.scale(instances, intraOpThreads);
  }

  deviceFailed(device: string, error: SconceError): void {
    const { devices } = this.options;
    if (!devices.includes(device)) return;
    this.#lost.add(device);
    if (devices.every((each) => this.#lost.has(each))) this.#fail(error);
  }

  async close(): Promise<void> {
    if (!this.#life.beginClosing()) return this.closed;
    this.#refuseEarly();
    await this.#serving?.drained();
    // Requests that nobody waits for may still have rows of a slab.
    await this.#threaded?.close();
    await this.#serving?.assembler.close();
    this.#model.close();
    return this.closed;
  }

  /** Gets ready for requests; whatever stops that ends the execution. */
  async #load(loading: NativeLoading): Promise<void> {
    try {
      this.#begin(await loading.run());
    } catch (error) {
      this.#fail(error);
    }
    if (this.#model.opened?.gone !== false) this.#ended();
  }

  #begin({ serving, description, loadMilliseconds, plan, graphs }: LoadedExecution): void {
    const { context } = this;
    const { record } = this.#plans;
    this.#serving = serving;
    this.#description = description;
    this.#graphs = graphs;
    this.#rowsPerBatch = plan.rows;
    if (record !== undefined && this.#instances.plan(plan)) context.planned(plan, record);
    context.instancesStarted(loadMilliseconds, loadMilliseconds.length);
    this.#life.becomeReady();
    for (const prediction of this.#early.take()) serving.predict(prediction);
  }

  #loadingHost(): NativeLoadingHost {
    return {
      life: this.#life,
      model: this.#model,
      plans: this.#plans,
      instances: () => this.#instances.wanted,
      threaded: (handler) => {
        this.#threaded = handler;
      },
      ran: (event) => this.#observe(event),
      stuck: (batches) => this.#instances.replaceHanging(batches),
    };
  }

  #modelHost(): OpenedModelHost {
    const { context } = this;
    return {
      batch: (event) => {
        this.#observe(event);
        this.#reportLoss(event);
        this.#serving?.assembler.complete(event);
      },
      scaled: (event) => {
        context.instancesStarted(event.loadMilliseconds, event.instances);
        this.#instances.scaled(event);
      },
      printed: (lines, dropped) => context.printed(lines, dropped),
      leftLoop: (reason) => context.onLoop(0, reason),
      deviceFailed: ({ device, message }) => context.deviceFailed(device, message),
      notice: (message) => context.planLog.warn(message),
      failed: (error) => {
        if (this.#loading?.isReplaceable !== true) this.#fail(error);
      },
      closed: () => {
        if (this.#loading?.isReplaceable !== true) this.#ended();
      },
    };
  }

  #makeInstances(): Instances {
    const { options, context } = this;
    const life = this.#life;
    return new Instances(options.instances, options.intraOpThreads, {
      loaded: life.loaded,
      get serves() {
        return life.state === 'ready';
      },
      scale: (instances, intraOpThreads) => {
        const { opened } = this.#model;
        if (opened === undefined || life.state !== 'ready') throw life.gone;
        opened.native.scale(instances, intraOpThreads);
      },
      hanging: (batches, replacements) => context.hanging(batches, replacements),
      stuck: () => context.failed(this.#stuckError()),
      recovered: () => context.recovered(),
    });
  }

  #stuckError(): SconceError {
    const { name, version, options } = this;
    const { responseTimeout } = options;
    const { all } = this.#instances;
    return new SconceError('MODEL_STUCK', name, version, all, responseTimeout, name);
  }

  #refuseEarly(): void {
    for (const prediction of this.#early.take()) prediction.failed(this.#refusal());
  }

  /** What requests get when it does not serve, and will not. */
  #refusal(): SconceError {
    const { state, failure, gone } = this.#life;
    if (state !== 'failed') return gone;
    if (isDeviceFailure(failure)) return failure;
    return new SconceError('MODEL_NOT_LOADED', this.name, this.version, this.name);
  }

  /** One of these requests is probably to blame for what the device has done. */
  #reportLoss({ errors, computeMicroseconds, slab }: BatchEvent): void {
    const hasRun = computeMicroseconds > 0;
    if (!hasRun || errors?.some(({ code }) => code === 'DEVICE_FAILED') !== true) return;
    this.context.lost(this.#serving?.assembler.requestIds(slab) ?? []);
  }

  #observe({ rows, queueMicroseconds, computeMicroseconds, slab }: BatchEvent): void {
    if (rows === 0) return;
    this.context.metrics.batch(
      rows,
      queueMicroseconds,
      computeMicroseconds,
      () => this.#serving?.assembler.requestIds(slab).join() ?? '',
    );
  }

  #fail(error: unknown): void {
    // Whatever waits for the device would wait in vain.
    if (isDeviceFailure(error)) this.#serving?.fail(error);
    const failure = this.#life.fail(error);
    if (failure === undefined) return;
    this.#refuseEarly();
    this.#model.close();
    // Until requests are served nobody else ends its threads.
    if (this.#serving === undefined) void this.#threaded?.close();
    this.context.failed(failure);
  }

  #ended(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const life = this.#life;
    life.end();
    if (life.failure !== undefined) this.#serving?.assembler.abandon(life.failure.message);
    this.#instances.ended(life.gone);
    void this.#endThreads(life.failure ?? life.gone);
  }

  async #endThreads(error: SconceError): Promise<void> {
    this.#serving?.fail(error);
    await this.#threaded?.close();
    this.#life.resolveClosed();
  }
}

function isDeviceFailure(error: unknown): error is SconceError {
  return error instanceof SconceError && error.code === 'DEVICE_FAILED';
}

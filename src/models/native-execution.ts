import { Assembler, defaultMaxShapes, type Load } from '../batching/assembler.js';
import type { SlabBudget } from '../batching/slab-budget.js';
import { layOut } from '../batching/slab-layout.js';
import { slabCapacity } from '../batching/slab-ring.js';
import { isErrorCode, SconceError, toSconceError } from '../errors.js';
import type { Handler, RequestHandler } from '../handlers/handler.js';
import type { HandlerFactory } from '../handlers/registry.js';
import type { OffLoop } from '../handlers/tensor/off-loop.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import type {
  BatchEvent,
  NativeModel,
  NativeModelDescription,
  Precision,
} from '../native/addon.js';
import { dtypeCode } from '../native/dtype.js';
import { openModel } from '../native/runtime.js';
import { allocateShared } from '../native/shared-memory.js';
import { alignment, type TensorSpec } from '../tensors/tensor-spec.js';
import { longestTimer } from '../timers.js';
import type { FileChecks } from '../workers/file-checks.js';
import { Deferred } from './deferred.js';
import { EarlyRequests } from './early-requests.js';
import type { Execution, ExecutionState } from './execution.js';
import { Explanations } from './explanations.js';
import { readManifest, systemProperties } from './handler-context.js';
import { handlerThreads, startHandler } from './handler-threads.js';
import { Instances } from './instances.js';
import type { ModelSource } from './model-source.js';
import type { Prediction } from './prediction.js';
import { lateError, patienceOf, Serving } from './serving.js';
import { Signatures } from './signatures.js';

/** Everything about an execution that is settled before it loads. */
export interface NativeExecutionOptions {
  source: ModelSource;
  /** Undefined when there is a problem. */
  handler: HandlerFactory | undefined;
  /** Why it cannot run: it fails at once then. */
  problem: SconceError | undefined;
  device: string;
  instances: number;
  intraOpThreads: number;
  freeze: boolean;
  precision: Precision;
  batchSize: number;
  /** Milliseconds that a batch waits for more rows although an instance is idle. */
  batchDelay: number;
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  /** Seconds from the start of the load to its end. */
  startupTimeout: number;
  /** Milliseconds in the queue; 0 for as long as it takes. */
  clientTimeout: number;
  /** Refuse what no idle instance can take at once. */
  useJobTicket: boolean;
  warmUp: boolean;
  /** Threads of a handler that is a class; 0 for what the cores allow. */
  handlerThreads: number;
  /** MiB of JavaScript heap of each of them. */
  handlerMemory: number;
  /** Whether clients read what a handler throws. */
  handlerErrors: boolean;
  /** Whether its handler refuses images of more pixels than TorchServe takes. */
  limitMaxImagePixels: boolean;
}

/** What an execution shares with the others. */
export interface NativeExecutionContext {
  budget: SlabBudget;
  offLoop: OffLoop;
  checks: FileChecks;
  metrics: VersionMetrics;
  /** So many instances can take work; milliseconds that each of the new ones took to get there. */
  instancesStarted(milliseconds: readonly number[], running: number): void;
  /** What the code of the model printed, and how many lines were lost after it. */
  printed(lines: readonly string[], dropped: number, level?: 'info' | 'warn'): void;
  /** It cannot be loaded, or does not serve any more; or a thread of its handler has ended. */
  failed(error: SconceError): void;
  /** So many batches have run for longer than responseTimeout; so many instances stand in. */
  hanging(batches: number, replacements: number): void;
  /** It was stuck, and serves again. */
  recovered(): void;
}

/**
 * Milliseconds an instance waits for a writer that has reserved rows and not settled them; then the
 * rows go with a later batch.
 */
const commitTimeout = 2;

/** The execution of a TorchScript file, on threads of this process. */
export class NativeExecution implements Execution {
  readonly loaded: Promise<void>;
  readonly closed: Promise<void>;
  #rowsPerBatch: number | undefined;
  readonly #instances: Instances;
  #startup: NodeJS.Timeout | undefined;
  #state: ExecutionState = 'loading';
  #failure: SconceError | undefined;
  #failedAt: number | undefined;
  #model: NativeModel | undefined;
  #serving: Serving | undefined;
  /** The handler, when it runs on threads; they may live when it does not serve yet, or no more. */
  #threaded: RequestHandler | undefined;
  #description: NativeModelDescription | undefined;
  /** Read beside LibTorch, which does not check. */
  readonly #damaged: Promise<string | undefined>;
  /** True when every thread is gone. */
  #gone = false;
  #explanations: Explanations | undefined;
  readonly #signatures = new Signatures(() => this.#model);
  readonly #warmed = new Deferred<void>();
  readonly #loaded = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  readonly #early: EarlyRequests;

  constructor(
    readonly options: NativeExecutionOptions,
    private readonly context: NativeExecutionContext,
    private readonly open: typeof openModel = openModel,
  ) {
    const { jobQueueSize, responseTimeout, clientTimeout } = options;
    const patience = patienceOf(responseTimeout, clientTimeout);
    this.#early = new EarlyRequests(jobQueueSize, patience, () =>
      lateError(this.name, this.version, clientTimeout, responseTimeout * 1000),
    );
    const { problem, source } = options;
    this.#damaged =
      problem === undefined ? context.checks.damagedEntry(source.path) : Promise.resolve(undefined);
    this.loaded = this.#loaded.promise;
    this.#instances = this.#makeInstances();
    this.closed = this.#closed.promise;
    // A failure is also kept in `failure`; nobody has to be waiting for it.
    this.loaded.catch(() => {});
    this.#warmed.promise.catch(() => {});
    if (problem === undefined) {
      this.#watchStartup();
      this.#open();
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

  get state(): ExecutionState {
    const isStuck =
      this.#instances.stuckSince !== undefined || this.#threaded?.failure !== undefined;
    return this.#state === 'ready' && isStuck ? 'stuck' : this.#state;
  }

  get failure(): SconceError | undefined {
    if (this.#failure !== undefined || this.state !== 'stuck') return this.#failure;
    return this.#instances.stuckSince === undefined ? this.#threaded?.failure : this.#stuckError();
  }

  get failedAt(): number | undefined {
    return this.#failedAt ?? this.#instances.stuckSince ?? this.#threaded?.failingSince;
  }

  get description(): NativeModelDescription | undefined {
    return this.#description;
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

  predict(prediction: Prediction): void {
    if (this.#state === 'loading') {
      if (this.options.useJobTicket) prediction.failed(new SconceError('NO_CAPACITY', this.name));
      else this.#early.hold(prediction, this.name);
      return;
    }
    if (this.#state === 'failed') {
      prediction.failed(new SconceError('MODEL_NOT_LOADED', this.name, this.version, this.name));
      return;
    }
    if (this.#state !== 'ready' || this.#serving === undefined) {
      prediction.failed(new SconceError('MODEL_CLOSED', this.name, this.version));
      return;
    }
    this.#serving.predict(prediction);
  }

  scale(instances: number, intraOpThreads: number): Promise<void> {
    return this.#instances.scale(instances, intraOpThreads);
  }

  async close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return this.closed;
    if (this.#state !== 'failed') this.#state = 'closing';
    clearTimeout(this.#startup);
    this.#refuseEarly();
    await this.#serving?.drained();
    // Requests that nobody waits for may still have rows of a slab.
    await this.#threaded?.close();
    await this.#serving?.assembler.close();
    this.#model?.close();
    return this.closed;
  }

  #damage(entry: string): SconceError {
    return new SconceError(
      'MODEL_LOAD_FAILED',
      this.name,
      this.version,
      this.options.source.path,
      `the file is damaged: the bytes of ${entry} do not have their checksum`,
    );
  }

  #watchStartup(): void {
    const { startupTimeout, source } = this.options;
    this.#startup = setTimeout(
      () => {
        const why = `it did not load within startupTimeout (${startupTimeout} s)`;
        this.#fail(new SconceError('MODEL_LOAD_FAILED', this.name, this.version, source.path, why));
      },
      Math.min(startupTimeout * 1000, longestTimer),
    );
    this.#startup.unref();
  }

  #open(): void {
    const { source, device, instances, intraOpThreads, freeze, precision } = this.options;
    const forms = source.config.inputs?.map(({ form }) => form ?? 'rows');
    try {
      this.#model = this.open(
        {
          path: source.path,
          device,
          instances,
          intraOpThreads,
          freeze,
          precision,
          ...(forms === undefined ? {} : { inputForms: forms }),
          commitTimeout,
        },
        {
          batch: (event) => this.#complete(event),
          loaded: (description, loadMilliseconds) => {
            this.#prepare(description, loadMilliseconds).catch((error) => this.#fail(error));
          },
          failed: (code, message) =>
            this.#fail(
              new SconceError(
                isErrorCode(code) ? code : 'INTERNAL',
                ...(code === 'MODEL_LOAD_FAILED'
                  ? [this.name, this.version, source.path, message]
                  : [message]),
              ),
            ),
          warmed: (signature, error) => this.#warmUpEnded(signature, error),
          scaled: (event) => {
            this.context.instancesStarted(event.loadMilliseconds, event.instances);
            this.#instances.scaled(event);
          },
          explained: (event) => this.#explanations?.explained(event),
          printed: (lines, dropped) => this.context.printed(lines, dropped),
          closed: () => this.#ended(),
        },
      );
      this.#explanations = new Explanations(this.#model, this.name, this.version);
    } catch (error) {
      this.#fail(error);
      this.#ended();
    }
  }

  async #prepare(
    description: NativeModelDescription,
    loadMilliseconds: readonly number[],
  ): Promise<void> {
    const damaged = await this.#damaged;
    if (this.#state !== 'loading' || this.#model === undefined) return;
    if (damaged !== undefined) throw this.#damage(damaged);
    const { options } = this;
    this.#description = description;
    if (options.handler === undefined) throw new SconceError('INTERNAL', 'no handler');
    const handler = options.handler({
      modelName: this.name,
      modelVersion: this.version,
      folder: options.source.folder,
      config: options.source.config,
      description,
      offLoop: this.context.offLoop,
      metrics: this.context.metrics.custom(),
      manifest: await readManifest(options.source.folder),
      systemProperties: systemProperties(options),
      threads: handlerThreads(options, this.context),
    });
    if (handler.kind === 'requests') {
      this.#threaded = handler;
      await startHandler(handler, options);
    }
    const { rowShape } = handler;
    const rowSize = rowShape === undefined ? 0 : layOut(rowShape, 1, 0).bytes;
    if (rowSize > this.context.budget.limit) {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `inputs: one row takes ${rowSize} bytes; slabMemory allows ${this.context.budget.limit}`,
      );
    }
    const model = this.#model;
    const explanations = this.#explanations;
    if (explanations === undefined) throw new SconceError('INTERNAL', 'no model');
    const assembler = new Assembler(
      {
        addSlab: (slab, layout) => model.addSlab(slab, layout),
        removeSlab: (id) => {
          // What was lost with an instance still counts as in use there.
          if (!this.#gone) model.removeSlab(id);
        },
        ring: (id) => model.ring(id),
        allocate: (bytes) => allocateShared(bytes, alignment),
      },
      this.context.budget,
      {
        modelName: this.name,
        modelVersion: this.version,
        declaredInputs: handler.inputs,
        batchSize: options.batchSize,
        queueSize: options.jobQueueSize,
        responseTimeout: options.responseTimeout * 1000,
        clientTimeout: options.clientTimeout,
        batchDelay: options.batchDelay,
        maxShapes: defaultMaxShapes,
      },
      (id) => this.#signatures.get(id),
      (batches) => this.#instances.replaceHanging(batches),
    );
    if (rowShape !== undefined) {
      const { limit } = this.context.budget;
      this.#rowsPerBatch = slabCapacity(rowShape, options.batchSize, limit);
      if (options.warmUp) await this.#warmUp(model, rowShape, handler, assembler);
    }
    if (this.#state !== 'loading') return;
    clearTimeout(this.#startup);
    const serving = new Serving(handler, assembler, explanations, {
      ...options,
      modelName: this.name,
      modelVersion: this.version,
      instances: () => this.#instances.wanted,
    });
    this.#serving = serving;
    this.context.instancesStarted(loadMilliseconds, loadMilliseconds.length);
    this.#state = 'ready';
    this.#loaded.resolve();
    for (const prediction of this.#early.take()) serving.predict(prediction);
  }

  async #warmUp(
    model: NativeModel,
    rowShape: readonly TensorSpec[],
    handler: Handler,
    assembler: Assembler,
  ): Promise<void> {
    model.warmUp(
      rowShape.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims: [...dims] })),
      this.rowsPerBatch > 1 ? [1, this.rowsPerBatch] : [1],
    );
    await this.#warmed.promise;
    for (const signature of this.#signatures.all) {
      const problem = handler.outputProblem(signature.structure);
      if (problem !== undefined) {
        throw new SconceError('INVALID_CONFIGURATION', `outputs: ${problem}`);
      }
      assembler.expectOutputs(signature);
    }
  }

  #makeInstances(): Instances {
    const { options, context, loaded } = this;
    const serves = (): boolean => this.#state === 'ready';
    return new Instances(options.instances, options.intraOpThreads, {
      loaded,
      get serves() {
        return serves();
      },
      scale: (instances, intraOpThreads) => {
        if (this.#model === undefined || !serves()) {
          throw new SconceError('MODEL_CLOSED', this.name, this.version);
        }
        this.#model.scale(instances, intraOpThreads);
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

  #warmUpEnded(signature: number, error?: { code: string; message: string }): void {
    if (error === undefined) {
      if (signature >= 0) this.#signatures.get(signature);
      this.#warmed.resolve();
      return;
    }
    const { source } = this.options;
    const where = source.configPath === undefined ? '' : ` of ${source.configPath}`;
    this.#warmed.reject(
      new SconceError(
        'MODEL_LOAD_FAILED',
        this.name,
        this.version,
        source.path,
        `it rejects a batch of zeros of the inputs${where}: ${error.message} (warmUp: false skips this check)`,
      ),
    );
  }

  #refuseEarly(): void {
    const error =
      this.#state === 'failed'
        ? new SconceError('MODEL_NOT_LOADED', this.name, this.version, this.name)
        : new SconceError('MODEL_CLOSED', this.name, this.version);
    for (const prediction of this.#early.take()) prediction.failed(error);
  }

  #complete(event: BatchEvent): void {
    if (event.rows > 0) {
      const { rows, queueMicroseconds, computeMicroseconds, slab } = event;
      this.context.metrics.batch(
        rows,
        queueMicroseconds,
        computeMicroseconds,
        () => this.#serving?.assembler.requestIds(slab).join() ?? '',
      );
    }
    this.#serving?.assembler.complete(event);
  }

  #fail(error: unknown): void {
    if (this.#state !== 'loading' && this.#state !== 'ready') return;
    const given = toSconceError(error);
    const { source } = this.options;
    this.#failure =
      given.code === 'INVALID_CONFIGURATION'
        ? new SconceError(
            'INVALID_CONFIGURATION',
            `Model "${this.name}" (${source.configPath ?? source.path}): ${given.message}`,
          )
        : given;
    this.#state = 'failed';
    this.#failedAt = performance.now();
    clearTimeout(this.#startup);
    this.#refuseEarly();
    this.#model?.close();
    // Until requests are served nobody else ends its threads.
    if (this.#serving === undefined) void this.#threaded?.close();
    this.#loaded.reject(this.#failure);
    this.context.failed(this.#failure);
  }

  #ended(): void {
    this.#gone = true;
    this.#explanations?.ended();
    if (this.#state !== 'failed') this.#state = 'closed';
    if (this.#failure !== undefined) this.#serving?.assembler.abandon(this.#failure.message);
    const error = new SconceError('MODEL_CLOSED', this.name, this.version);
    clearTimeout(this.#startup);
    this.#warmed.reject(error);
    this.#loaded.reject(error);
    this.#instances.ended(error);
    void this.#endThreads(this.#failure ?? error);
  }

  async #endThreads(error: SconceError): Promise<void> {
    this.#serving?.fail(error);
    await this.#threaded?.close();
    this.#closed.resolve();
  }
}

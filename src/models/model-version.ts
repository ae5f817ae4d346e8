import { firstDamagedEntry } from '../archive/checksums.js';
import { Assembler, defaultMaxShapes } from '../batching/assembler.js';
import type { SlabBudget } from '../batching/slab-budget.js';
import { layOut } from '../batching/slab-layout.js';
import { slabCapacity } from '../batching/slab-ring.js';
import { isErrorCode, SconceError, toSconceError } from '../errors.js';
import type { Handler, PreparedRows } from '../handlers/handler.js';
import type { OffLoop } from '../handlers/tensor/off-loop.js';
import { TensorHandler } from '../handlers/tensor/tensor-handler.js';
import {
  outputNamesProblem,
  planTensors,
  type TensorPlan,
} from '../handlers/tensor/tensor-plan.js';
import type { Log } from '../log.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import type { BatchEvent, NativeModel, NativeModelDescription } from '../native/addon.js';
import { dtypeCode, dtypeOf } from '../native/dtype.js';
import { openModel } from '../native/runtime.js';
import { allocateShared } from '../native/shared-memory.js';
import type { OutputSignature } from '../tensors/batch-outputs.js';
import { alignment } from '../tensors/tensor-spec.js';
import { Deferred } from './deferred.js';
import type { ModelSource } from './model-source.js';
import type { Prediction } from './prediction.js';

export type VersionState = 'loading' | 'ready' | 'failed' | 'closing' | 'closed';

/** Everything about a version that is settled before it loads. */
export interface VersionOptions {
  source: ModelSource;
  device: string;
  instances: number;
  intraOpThreads: number;
  freeze: boolean;
  batchSize: number;
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  warmUp: boolean;
}

/** What a version shares with the others. */
export interface VersionContext {
  budget: SlabBudget;
  offLoop: OffLoop;
  metrics: VersionMetrics;
  log: Log;
}

/** Milliseconds an instance waits for a writer that has reserved rows and not settled them. */
const commitTimeout = 1000;

const signaturesKept = 256;

interface Serving {
  handler: Handler;
  assembler: Assembler;
  plan: TensorPlan;
}

/** One version of one model: loads, serves, drains, closes. */
export class ModelVersion {
  readonly startTime = new Date();
  /** Resolves when the version serves; rejects with the error that it failed with. */
  readonly loaded: Promise<void>;
  /** Resolves when every thread is gone. */
  readonly closed: Promise<void>;
  #rowsPerBatch: number | undefined;
  #state: VersionState = 'loading';
  #failure: SconceError | undefined;
  #model: NativeModel | undefined;
  #serving: Serving | undefined;
  #description: NativeModelDescription | undefined;
  /** Read beside LibTorch, which does not check. */
  readonly #damaged: Promise<string | undefined>;
  readonly #signatures = new Map<number, OutputSignature>();
  readonly #warmed = new Deferred<void>();
  readonly #loaded = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  /** Requests whose bodies are being read off the main loop. */
  #preparing = 0;
  #prepared: (() => void) | undefined;
  /** Requests that came while the file was loading. */
  readonly #early: Prediction[] = [];

  constructor(
    readonly options: VersionOptions,
    private readonly context: VersionContext,
  ) {
    this.#damaged = firstDamagedEntry(options.source.path).catch(() => undefined);
    this.loaded = this.#loaded.promise;
    this.closed = this.#closed.promise;
    // A failure is also kept in `failure`; nobody has to be waiting for it.
    this.loaded.catch(() => {});
    this.#warmed.promise.catch(() => {});
    this.#open();
  }

  get name(): string {
    return this.options.source.name;
  }

  get version(): string {
    return this.options.source.version;
  }

  get state(): VersionState {
    return this.#state;
  }

  get failure(): SconceError | undefined {
    return this.#failure;
  }

  /** What the file says of itself; undefined until it is loaded. */
  get description(): NativeModelDescription | undefined {
    return this.#description;
  }

  /** What requests must hold, for people: `features: float32[n, 64]`. */
  get inputs(): string | undefined {
    return this.#serving?.plan.text;
  }

  /** Most rows in a batch: fewer than batchSize when rows are large. */
  get rowsPerBatch(): number {
    return this.#rowsPerBatch ?? this.options.batchSize;
  }

  /** Requests admitted and not answered. */
  get pending(): number {
    return this.#early.length + this.#preparing + (this.#serving?.assembler.pending ?? 0);
  }

  /** Requests that no instance has taken yet. */
  get queued(): number {
    return this.#early.length + this.#preparing + (this.#serving?.assembler.queued ?? 0);
  }

  /** Answers a request through its sink; never throws. */
  predict(prediction: Prediction): void {
    prediction.admit(this.context.metrics);
    if (this.#state === 'loading') {
      this.#holdEarly(prediction);
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
    this.#run(prediction, this.#serving);
  }

  /** Answers what was admitted, refuses what is new, and ends the threads. */
  async close(): Promise<void> {
    if (this.#state === 'closing' || this.#state === 'closed') return this.closed;
    const { assembler } = this.#serving ?? {};
    if (this.#state !== 'failed') this.#state = 'closing';
    this.#refuseEarly();
    if (this.#preparing > 0) {
      await new Promise<void>((resolve) => {
        this.#prepared = resolve;
      });
    }
    await assembler?.close();
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

  #open(): void {
    const { source, device, instances, intraOpThreads, freeze } = this.options;
    try {
      this.#model = openModel(
        {
          path: source.path,
          device,
          instances,
          intraOpThreads,
          freeze,
          commitTimeout,
        },
        {
          batch: (event) => this.#complete(event),
          loaded: (description) => {
            this.#prepare(description).catch((error) => this.#fail(error));
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
          closed: () => this.#ended(),
        },
      );
    } catch (error) {
      this.#fail(error);
      this.#ended();
    }
  }

  async #prepare(description: NativeModelDescription): Promise<void> {
    const damaged = await this.#damaged;
    if (this.#state !== 'loading' || this.#model === undefined) return;
    if (damaged !== undefined) throw this.#damage(damaged);
    const { source, batchSize, jobQueueSize, responseTimeout } = this.options;
    this.#description = description;
    const plan = planTensors(source.config, description);
    const rowSize = plan.fixed === undefined ? 0 : layOut(plan.fixed, 1, 0).bytes;
    if (rowSize > this.context.budget.limit) {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `inputs: one row takes ${rowSize} bytes; slabMemory allows ${this.context.budget.limit}`,
      );
    }
    const model = this.#model;
    const assembler = new Assembler(
      {
        addSlab: (slab, layout) => model.addSlab(slab, layout),
        removeSlab: (id) => model.removeSlab(id),
        ring: (id) => model.ring(id),
        allocate: (bytes) => allocateShared(bytes, alignment),
      },
      this.context.budget,
      {
        modelName: this.name,
        modelVersion: this.version,
        declaredInputs: plan.text,
        batchSize,
        queueSize: jobQueueSize,
        responseTimeout: responseTimeout * 1000,
        maxShapes: defaultMaxShapes,
      },
      (id) => this.#signature(id),
    );
    if (plan.fixed !== undefined) {
      this.#rowsPerBatch = slabCapacity(plan.fixed, batchSize, this.context.budget.limit);
    }
    if (plan.fixed !== undefined && this.options.warmUp) {
      model.warmUp(
        plan.fixed.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims: [...dims] })),
        this.rowsPerBatch > 1 ? [1, this.rowsPerBatch] : [1],
      );
      await this.#warmed.promise;
      for (const signature of this.#signatures.values()) {
        const problem = outputNamesProblem(plan, signature.structure);
        if (problem !== undefined) {
          throw new SconceError('INVALID_CONFIGURATION', `outputs: ${problem}`);
        }
        assembler.expectOutputs(signature);
      }
    }
    if (this.#state !== 'loading') return;
    const handler = new TensorHandler(plan, this.context.offLoop);
    this.#serving = { handler, assembler, plan };
    this.#state = 'ready';
    this.#loaded.resolve();
    for (const prediction of this.#early.splice(0)) this.#run(prediction, this.#serving);
  }

  #warmUpEnded(signature: number, error?: { code: string; message: string }): void {
    if (error === undefined) {
      if (signature >= 0) this.#signature(signature);
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

  #run(prediction: Prediction, serving: Serving): void {
    if (prediction.over) return;
    try {
      if (this.#preparing > 0 && this.queued >= this.options.jobQueueSize) {
        throw new SconceError('NO_CAPACITY', this.name);
      }
      const prepared = serving.handler.preprocess(prediction.request);
      if (prepared instanceof Promise) {
        this.#preparing += 1;
        prepared
          .then((rows) => this.#submit(prediction, rows, serving.assembler))
          .catch((error) => prediction.failed(toSconceError(error)))
          .finally(() => {
            this.#preparing -= 1;
            if (this.#preparing === 0) this.#prepared?.();
          });
      } else {
        this.#submit(prediction, prepared, serving.assembler);
      }
    } catch (error) {
      prediction.failed(toSconceError(error));
    }
  }

  #submit(prediction: Prediction, prepared: PreparedRows, assembler: Assembler): void {
    if (prediction.over) return;
    const timeout = this.options.responseTimeout * 1000;
    if (prediction.since + timeout < performance.now()) {
      prediction.failed(new SconceError('RESPONSE_TIMEOUT', this.name, this.version, timeout));
      return;
    }
    try {
      const { key, inputs, rows } = prepared;
      const reservation = assembler.reserve(key, inputs, rows, prediction, prediction.since);
      try {
        prepared.store(reservation.slab.memory, reservation.offsets());
      } catch (error) {
        reservation.discard();
        throw error;
      }
      prediction.place(prepared, reservation);
      reservation.commit();
    } catch (error) {
      prediction.failed(toSconceError(error));
    }
  }

  #holdEarly(prediction: Prediction): void {
    if (this.#early.length >= this.options.jobQueueSize) {
      prediction.failed(new SconceError('NO_CAPACITY', this.name));
    } else {
      this.#early.push(prediction);
      this.#watchEarly(prediction);
    }
  }

  /** A request does not wait for a model that loads longer than an answer may take. */
  #watchEarly(prediction: Prediction): void {
    const timeout = this.options.responseTimeout * 1000;
    const timer = setTimeout(() => {
      const waiting = this.#early.indexOf(prediction);
      if (waiting < 0) return;
      this.#early.splice(waiting, 1);
      prediction.failed(new SconceError('RESPONSE_TIMEOUT', this.name, this.version, timeout));
    }, timeout);
    timer.unref();
  }

  #refuseEarly(): void {
    const error =
      this.#state === 'failed'
        ? new SconceError('MODEL_NOT_LOADED', this.name, this.version, this.name)
        : new SconceError('MODEL_CLOSED', this.name, this.version);
    for (const prediction of this.#early.splice(0)) prediction.failed(error);
  }

  #complete(event: BatchEvent): void {
    if (event.rows > 0) {
      this.context.metrics.batch(event.rows, event.queueMicroseconds, event.computeMicroseconds);
    }
    this.#serving?.assembler.complete(event);
  }

  #signature(id: number): OutputSignature {
    const known = this.#signatures.get(id);
    if (known !== undefined) return known;
    if (this.#model === undefined) throw new SconceError('INTERNAL', 'no model');
    const { outputs, structure } = this.#model.signature(id);
    const signature: OutputSignature = {
      id,
      outputs: outputs.map(({ dtype, dims }) => ({ dtype: dtypeOf(dtype), dims })),
      structure,
    };
    if (this.#signatures.size >= signaturesKept) this.#signatures.clear();
    this.#signatures.set(id, signature);
    return signature;
  }

  #fail(error: unknown): void {
    if (this.#state !== 'loading') return;
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
    this.#refuseEarly();
    this.#model?.close();
    this.#loaded.reject(this.#failure);
  }

  #ended(): void {
    if (this.#state !== 'failed') this.#state = 'closed';
    const error = new SconceError('MODEL_CLOSED', this.name, this.version);
    this.#warmed.reject(error);
    this.#loaded.reject(error);
    this.#closed.resolve();
  }
}

import { isErrorCode, SconceError } from '../errors.js';
import type {
  BatchEvent,
  DeviceFailedEvent,
  LoopEvent,
  NativeModel,
  NativeModelDescription,
  NativeModelOptions,
  ScaledEvent,
  WarmedEvent,
} from '../native/addon.js';
import { dtypeCode } from '../native/dtype.js';
import type { ModelListener, openModel } from '../native/runtime.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { Deferred } from './deferred.js';
import { Explanations } from './explanations.js';
import type { ModelSource } from './model-source.js';
import { Signatures } from './signatures.js';

/** Who hears what the threads of a model tell at any time. */
export interface OpenedModelHost {
  batch(event: BatchEvent): void;
  scaled(event: ScaledEvent): void;
  printed(lines: readonly string[], dropped: number): void;
  /** Batches do not run on the main loop any more. */
  leftLoop(reason: string): void;
  /** One of its devices runs nothing more. */
  deviceFailed(event: DeviceFailedEvent): void;
  /** Something that whoever runs it should know, although it serves. */
  notice(message: string): void;
  /** It cannot be loaded, or an instance is lost. */
  failed(error: SconceError): void;
  /** Every thread is gone. */
  closed(model: OpenedModel): void;
}

/** What is known when a file is loaded. */
export interface LoadedFile {
  description: NativeModelDescription;
  /** Of each instance: milliseconds until it could take work. */
  loadMilliseconds: readonly number[];
}

/** A model file with threads of its own, which load and run it. */
export class OpenedModel {
  readonly native: NativeModel;
  readonly explanations: Explanations;
  readonly signatures = new Signatures(() => this.native);
  /** True when every thread is gone. */
  gone = false;
  readonly #loaded = new Deferred<LoadedFile>();
  readonly #closed = new Deferred<void>();
  #warmed: Deferred<WarmedEvent> | undefined;
  #onLoop: Deferred<LoopEvent> | undefined;
  /** Batches that are not the host's, by slab. */
  readonly #runs = new Map<number, Deferred<BatchEvent>>();

  /** @throws {SconceError} as openModel() */
  constructor(
    private readonly source: Pick<ModelSource, 'name' | 'version' | 'path' | 'configPath'>,
    options: NativeModelOptions,
    private readonly host: OpenedModelHost,
    open: typeof openModel,
  ) {
    this.loaded.catch(() => {});
    this.native = open(options, this.#listener());
    this.explanations = new Explanations(this.native, source.name, source.version);
  }

  /** Rejects with why it cannot be loaded, or MODEL_CLOSED. */
  get loaded(): Promise<LoadedFile> {
    return this.#loaded.promise;
  }

  /** Resolves when every thread is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Runs zeros through every instance: a batch of each number of rows.
   *
   * @throws {SconceError} MODEL_LOAD_FAILED when the model rejects them, as a rejection.
   */
  async warmUp(rowShape: readonly TensorSpec[], rows: readonly number[]): Promise<WarmedEvent> {
    const warmed = new Deferred<WarmedEvent>();
    this.#warmed = warmed;
    this.native.warmUp(
      rowShape.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims: [...dims] })),
      [...rows],
    );
    return warmed.promise;
  }

  /**
   * Runs the committed rows of a slab that is not the host's.
   *
   * @throws {SconceError} MODEL_CLOSED when the model ends meanwhile, as a rejection.
   */
  async run(slabId: number): Promise<BatchEvent> {
    const event = this.native.ring(slabId);
    if (event !== undefined) return event;
    const batch = new Deferred<BatchEvent>();
    this.#runs.set(slabId, batch);
    return batch.promise;
  }

  /**
   * Lets batches of up to so many rows run on the main loop. Once for each model.
   *
   * @throws {SconceError} MODEL_CLOSED when the model ends meanwhile, as a rejection.
   */
  async runOnLoop(rows: number): Promise<LoopEvent> {
    const answer = new Deferred<LoopEvent>();
    this.#onLoop = answer;
    this.native.runOnLoop(rows);
    return answer.promise;
  }

  /** Stops the threads after the batches that they are running. */
  close(): Promise<void> {
    this.native.close();
    return this.closed;
  }

  #listener(): ModelListener {
    const { host } = this;
    return {
      batch: (event) => {
        const run = this.#runs.get(event.slab);
        if (run === undefined) {
          host.batch(event);
        } else {
          this.#runs.delete(event.slab);
          run.resolve(event);
        }
      },
      loaded: (description, loadMilliseconds) =>
        this.#loaded.resolve({ description, loadMilliseconds }),
      failed: (code, message) => this.#fail(this.#failure(code, message)),
      warmed: (event) => this.#warmUpEnded(event),
      scaled: (event) => host.scaled(event),
      loop: (event) => {
        const asked = this.#onLoop;
        this.#onLoop = undefined;
        if (asked !== undefined) asked.resolve(event);
        else if (event.reason !== undefined) host.leftLoop(event.reason);
      },
      explained: (event) => this.explanations.explained(event),
      printed: (lines, dropped) => host.printed(lines, dropped),
      deviceFailed: (event) => host.deviceFailed(event),
      notice: (message) => host.notice(message),
      closed: () => {
        const error = new SconceError('MODEL_CLOSED', this.source.name, this.source.version);
        this.gone = true;
        this.explanations.ended();
        this.#loaded.reject(error);
        this.#warmed?.reject(error);
        this.#onLoop?.reject(error);
        for (const run of this.#runs.values()) run.reject(error);
        this.#closed.resolve();
        host.closed(this);
      },
    };
  }

  #fail(error: SconceError): void {
    this.#loaded.reject(error);
    this.host.failed(error);
  }

  #failure(code: string, message: string): SconceError {
    const { name, version, path } = this.source;
    return new SconceError(
      isErrorCode(code) ? code : 'INTERNAL',
      ...(code === 'MODEL_LOAD_FAILED' ? [name, version, path, message] : [message]),
    );
  }

  #warmUpEnded(event: WarmedEvent): void {
    const { signature, error } = event;
    if (error === undefined) {
      if (signature >= 0) this.signatures.get(signature);
      this.#warmed?.resolve(event);
      return;
    }
    if (error.code === 'DEVICE_FAILED') {
      this.#warmed?.reject(this.#failure(error.code, error.message));
      return;
    }
    const { name, version, path, configPath } = this.source;
    const where = configPath === undefined ? '' : ` of ${configPath}`;
    const why = `it rejects a batch of zeros of the inputs${where}: ${error.message} (warmUp: false skips this check)`;
    this.#warmed?.reject(new SconceError('MODEL_LOAD_FAILED', name, version, path, why));
  }
}

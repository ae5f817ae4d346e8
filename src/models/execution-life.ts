import { SconceError, toSconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import { Deferred } from './deferred.js';
import type { ExecutionState } from './execution.js';
import type { ModelSource } from './model-source.js';

/** Whose life it is: for messages. */
type LivingSource = Pick<ModelSource, 'name' | 'version' | 'path' | 'configPath'>;

/**
 * How far an execution has come: `loading`, then `ready` or `failed`, then `closing` and `closed`. One
 * that has failed stays so.
 */
export class ExecutionLife {
  #state: Exclude<ExecutionState, 'stuck'> = 'loading';
  #failure: SconceError | undefined;
  #failedAt: number | undefined;
  #startup: NodeJS.Timeout | undefined;
  readonly #loaded = new Deferred<void>();
  readonly #closed = new Deferred<void>();
  /** Ends what is under way for the sake of the load. */
  readonly #loading = new AbortController();

  constructor(private readonly source: LivingSource) {
    // A failure is also kept in `failure`; nobody has to be waiting for it.
    this.loaded.catch(() => {});
  }

  get state(): Exclude<ExecutionState, 'stuck'> {
    return this.#state;
  }

  get failure(): SconceError | undefined {
    return this.#failure;
  }

  /** In performance.now() milliseconds. */
  get failedAt(): number | undefined {
    return this.#failedAt;
  }

  /** Resolves when it is ready; rejects with the failure, or MODEL_CLOSED. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Resolves when everything of it is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Aborted when it is not loading any more and has not become ready. */
  get loading(): AbortSignal {
    return this.#loading.signal;
  }

  /** The error of whoever asks for it when it is gone. */
  get gone(): SconceError {
    return new SconceError('MODEL_CLOSED', this.source.name, this.source.version);
  }

  /** @param seconds after which `late` is called, unless it is ready by then */
  watchStartup(seconds: number, late: (error: SconceError) => void): void {
    const { name, version, path } = this.source;
    this.#startup = setTimeout(
      () => {
        const why = `it did not load within startupTimeout (${seconds} s)`;
        late(new SconceError('MODEL_LOAD_FAILED', name, version, path, why));
      },
      Math.min(seconds * 1000, longestTimer),
    );
    this.#startup.unref();
  }

  /** It answers requests from now on. */
  becomeReady(): void {
    clearTimeout(this.#startup);
    this.#state = 'ready';
    this.#loaded.resolve();
  }

  /** Loads or serves no more, for a reason. Returns what is told of it; undefined when it did neither. */
  fail(error: unknown): SconceError | undefined {
    if (this.#state !== 'loading' && this.#state !== 'ready') return undefined;
    const failure = this.#described(toSconceError(error));
    this.#failure = failure;
    this.#state = 'failed';
    this.#failedAt = performance.now();
    this.#stopLoading();
    this.#loaded.reject(failure);
    return failure;
  }

  /** It answers what it has. False when it did that before. */
  beginClosing(): boolean {
    if (this.#state === 'closing' || this.#state === 'closed') return false;
    if (this.#state !== 'failed') this.#state = 'closing';
    this.#stopLoading();
    return true;
  }

  /** Its threads are gone. */
  end(): void {
    if (this.#state !== 'failed') this.#state = 'closed';
    this.#stopLoading();
    this.#loaded.reject(this.gone);
  }

  /** Everything else is gone, too. */
  resolveClosed(): void {
    this.#closed.resolve();
  }

  #stopLoading(): void {
    clearTimeout(this.#startup);
    this.#loading.abort();
  }

  #described(error: SconceError): SconceError {
    if (error.code !== 'INVALID_CONFIGURATION') return error;
    const { name, configPath, path } = this.source;
    return new SconceError(
      'INVALID_CONFIGURATION',
      `Model "${name}" (${configPath ?? path}): ${error.message}`,
    );
  }
}

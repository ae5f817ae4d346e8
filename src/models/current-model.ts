import type { NativeModelOptions } from '../native/addon.js';
import type { openModel } from '../native/runtime.js';
import type { ExecutionPlan } from '../plans/plan.js';
import { longestTimer } from '../timers.js';
import type { NativeExecutionOptions } from './native-execution-options.js';
import { type LoadedFile, OpenedModel, type OpenedModelHost } from './opened-model.js';

/**
 * Milliseconds an instance waits for a writer that has reserved rows and not settled them; then the
 * rows go with a later batch.
 */
const commitTimeout = 2;

/** As openModel(). */
type OpenModel = typeof openModel;

/** The model file of an execution: opened by one plan, perhaps by another after that. */
export class CurrentModel {
  #opened: OpenedModel | undefined;

  /** @param host hears only of the last that was opened that it is closed */
  constructor(
    private readonly options: NativeExecutionOptions,
    private readonly host: OpenedModelHost,
    /** Aborted when nothing more is to be opened. */
    private readonly signal: AbortSignal,
    private readonly openModel: OpenModel,
  ) {}

  /** Undefined before the first, and while one takes the place of another. */
  get opened(): OpenedModel | undefined {
    return this.#opened;
  }

  /**
   * Opens the file by a plan, after what was open is closed.
   *
   * @throws {SconceError} why it cannot be loaded, as a rejection; whatever `signal` says.
   */
  async open(plan: ExecutionPlan): Promise<{ opened: OpenedModel; file: LoadedFile }> {
    const before = this.#opened;
    this.#opened = undefined;
    await before?.close();
    this.signal.throwIfAborted();
    const { source } = this.options;
    const host: OpenedModelHost = {
      ...this.host,
      closed: (model) => {
        if (model === this.#opened) this.host.closed(model);
      },
    };
    const opened = new OpenedModel(source, nativeOptions(this.options, plan), host, this.openModel);
    this.#opened = opened;
    return { opened, file: await opened.loaded };
  }

  /** Stops the threads after their batches; without any, nothing comes of it. */
  close(): void {
    void this.#opened?.close();
  }
}

function nativeOptions(
  { source, devices, weight, responseTimeout, cudaGraphMemory }: NativeExecutionOptions,
  plan: ExecutionPlan,
): NativeModelOptions {
  const { instances, intraOpThreads, freeze, optimize, channelsLast, precision, graphs } = plan;
  const forms = source.config.inputs?.map(({ form }) => form ?? 'rows');
  return {
    path: source.path,
    devices,
    instances,
    weight,
    responseTimeout: Math.max(1, Math.min(Math.round(responseTimeout * 1000), longestTimer)),
    intraOpThreads,
    freeze,
    optimize,
    channelsLast,
    precision,
    graphs,
    graphMemory: cudaGraphMemory * 2 ** 20,
    ...(forms === undefined ? {} : { inputForms: forms }),
    commitTimeout,
  };
}

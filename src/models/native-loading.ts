import { slabCapacity } from '../batching/slab-ring.js';
import { SconceError } from '../errors.js';
import type { Handler, RequestHandler } from '../handlers/handler.js';
import type { BatchEvent, NativeModelDescription } from '../native/addon.js';
import { type ExecutionPlan, isPreparedAs, runsAs } from '../plans/plan.js';
import type { CudaGraphs } from './cuda-graphs.js';
import type { CurrentModel } from './current-model.js';
import type { ExecutionLife } from './execution-life.js';
import { startHandler } from './handler-threads.js';
import { makeAssembler } from './make-assembler.js';
import { checkRowSize, makeHandler } from './make-handler.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';
import type { LoadedFile, OpenedModel } from './opened-model.js';
import type { PlanChoice } from './plan-choice.js';
import { Serving } from './serving.js';
import { warmUp } from './warm-up.js';

/** The execution that is loaded. */
export interface NativeLoadingHost {
  readonly life: ExecutionLife;
  readonly model: CurrentModel;
  readonly plans: PlanChoice;
  /** Instances that there are to be. */
  instances(): number;
  /** The handler has threads: they are its to end. */
  threaded(handler: RequestHandler): void;
  /** A batch has run on the main loop. */
  ran(event: BatchEvent): void;
  /** So many batches do not end. */
  stuck(batches: number): void;
}

/** What answers requests. */
export interface LoadedExecution {
  serving: Serving;
  description: NativeModelDescription;
  loadMilliseconds: readonly number[];
  plan: ExecutionPlan;
  /** What became of its CUDA graphs, where it was to have some. */
  graphs: CudaGraphs | undefined;
}

/** A file that is loaded, and the plan that it was opened by. */
interface OpenedBy {
  plan: ExecutionPlan;
  opened: OpenedModel;
  file: LoadedFile;
}

/** The way of an execution from the file to the first request. */
export class NativeLoading {
  #isReplaceable = false;
  /** Read beside LibTorch, which does not check. */
  readonly #damaged: Promise<string | undefined>;

  constructor(
    private readonly options: NativeExecutionOptions,
    private readonly context: NativeExecutionContext,
    private readonly host: NativeLoadingHost,
  ) {
    this.#damaged = context.checks.damagedEntry(options.source.path);
  }

  /** True while a plan is opened that another one takes the place of when it cannot be. */
  get isReplaceable(): boolean {
    return this.#isReplaceable;
  }

  /**
   * Opens the file, by the fastest plan, and warms it up.
   *
   * @throws {SconceError} why it cannot be served, as a rejection; anything when the execution is no
   *   longer loading.
   */
  async run(): Promise<LoadedExecution> {
    try {
      return await this.#load();
    } finally {
      this.#isReplaceable = false;
    }
  }

  async #load(): Promise<LoadedExecution> {
    const { options, context } = this;
    const { life, plans } = this.host;
    let current = await this.#openBy(await plans.first());
    await this.#checkDamage();
    life.loading.throwIfAborted();
    const handler = await makeHandler(options, context, current.file.description);
    if (handler.kind === 'requests') {
      this.host.threaded(handler);
      await startHandler(handler, options);
    }
    checkRowSize(handler, context.budget);
    const { rowShape } = handler;
    const { batchSize } = options;
    const { limit } = context.budget;
    const most = rowShape === undefined ? batchSize : slabCapacity(rowShape, batchSize, limit);
    const plan = await plans.forRows(rowShape, most, current.file.description);
    if (!runsAs(plan, current.plan)) current = await this.#openBy(plan);
    return this.#warmUp(handler, { ...current, plan: { ...current.plan, rows: plan.rows } });
  }

  /** Opens the file by a plan; by what is asked for when that cannot be. */
  async #openBy(plan: ExecutionPlan): Promise<OpenedBy> {
    const { life, model, plans } = this.host;
    const { asked } = plans;
    this.#isReplaceable = !runsAs(plan, asked);
    try {
      return { plan, ...(await model.open(plan)) };
    } catch (error) {
      if (life.state !== 'loading' || runsAs(plan, asked)) throw error;
      plans.refused(error);
      this.#isReplaceable = false;
      return { plan: asked, ...(await model.open(asked)) };
    }
  }

  async #warmUp(handler: Handler, current: OpenedBy): Promise<LoadedExecution> {
    const { options, context, host } = this;
    const { opened, file, plan } = current;
    const { rowShape } = handler;
    const assembler = makeAssembler(
      opened,
      options,
      context,
      handler.inputs,
      plan.rows,
      () => host.instances(),
      (event) => host.ran(event),
      (batches) => host.stuck(batches),
    );
    const { straightLine } = file.description;
    let graphs: CudaGraphs | undefined;
    if (rowShape !== undefined && options.warmUp) {
      const warmed = { opened, handler, assembler, straightLine };
      try {
        graphs = await warmUp(warmed, rowShape, plan.rows, options, context);
      } catch (error) {
        const { asked } = host.plans;
        if (host.life.state !== 'loading' || isPreparedAs(plan, asked)) throw error;
        host.plans.refused(error);
        return this.#warmUp(handler, await this.#openBy({ ...asked, rows: plan.rows }));
      }
    } else if (plan.graphs) {
      const why = options.warmUp ? 'its row shape is not known before a request' : 'warmUp is off';
      context.planLog.warn(`no CUDA graphs: ${why}`);
    }
    host.life.loading.throwIfAborted();
    const { name, version } = options.source;
    const serving = new Serving(handler, assembler, opened.explanations, {
      ...options,
      modelName: name,
      modelVersion: version,
      instances: () => host.instances(),
    });
    const { description, loadMilliseconds } = file;
    return { serving, description, loadMilliseconds, plan, graphs };
  }

  async #checkDamage(): Promise<void> {
    const entry = await this.#damaged;
    if (entry === undefined) return;
    const { name, version, path } = this.options.source;
    const why = `the file is damaged: the bytes of ${entry} do not have their checksum`;
    throw new SconceError('MODEL_LOAD_FAILED', name, version, path, why);
  }
}

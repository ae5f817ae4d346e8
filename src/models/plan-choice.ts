import { inWords, toSconceError } from '../errors.js';
import type { NativeModelDescription } from '../native/addon.js';
import type { ExecutionPlan, PlanWish } from '../plans/plan.js';
import type { PlanRecord } from '../plans/plan-record.js';
import { isPlanFor, type Planner, type PlanRequest, planOf } from '../plans/planner.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { firstDevice } from './device.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';

/** Part of startupTimeout that the search of a plan may take, and part that it may wait before. */
const searchShare = 0.5;
const waitShare = 0.25;

/** The plan of one execution: what is asked for, or what the planner finds to be faster. */
export class PlanChoice {
  readonly asked: ExecutionPlan;
  #record: PlanRecord | undefined;
  readonly #planner: Planner | undefined;
  readonly #request: PlanRequest;

  /** @param loading aborted when it is loaded no more */
  constructor(
    options: NativeExecutionOptions,
    private readonly context: NativeExecutionContext,
    loading: AbortSignal,
  ) {
    const { source, devices, batchDelay, planTime, startupTimeout, tolerance, planFixed } = options;
    const device = firstDevice(devices);
    this.asked = askedPlan(options, device);
    const wish: PlanWish = {
      asked: this.asked,
      // A trial runs on one device: what more instances bring on several it cannot tell.
      fixed: { ...planFixed, instances: planFixed.instances || devices.length > 1 },
      // A batch that waits to be full has the size that somebody chose.
      mayShrinkBatches: batchDelay === 0,
      tolerance,
    };
    const { name, version, path, config, handler } = source;
    const inputForms = config.inputs?.map(({ form }) => form ?? 'rows') ?? [];
    // Zeros that nobody wants to be run are not measured either.
    this.#planner = options.plan === 'auto' && options.warmUp ? context.planner : undefined;
    this.#request = {
      model: {
        name,
        version,
        path,
        device,
        inputForms,
        graphMemory: options.cudaGraphMemory * 2 ** 20,
      },
      wish,
      declared: { handler, inputs: config.inputs },
      planTime: Math.min(planTime, startupTimeout * searchShare),
      waitTime: startupTimeout * waitShare,
      signal: loading,
      log: context.planLog,
    };
  }

  /** How it was chosen; undefined when it is what is asked for. */
  get record(): PlanRecord | undefined {
    return this.#record;
  }

  /** What the file is opened by at first: the plan that was chosen at another time, if there is one. */
  async first(): Promise<ExecutionPlan> {
    this.#record = await this.#planner?.recall(this.#request);
    return this.#record?.chosen ?? this.asked;
  }

  /**
   * The plan for rows of a shape.
   *
   * @param rowShape undefined when it is not known before the first request
   * @param mostRows that a batch may have
   * @param loaded the model as `first` has it
   */
  async forRows(
    rowShape: readonly TensorSpec[] | undefined,
    mostRows: number,
    loaded: Pick<NativeModelDescription, 'frozen' | 'graphsProblem'>,
  ): Promise<ExecutionPlan> {
    const rows = Math.min(this.asked.rows, mostRows);
    if (this.#planner === undefined || rowShape === undefined) {
      this.#record = undefined;
      return { ...this.asked, rows };
    }
    if (this.#record === undefined || !isPlanFor(this.#record, rowShape)) {
      const asked = { ...this.asked, rows };
      // What speaks against graphs of a module that is not frozen may go when it is.
      const problem = loaded.frozen ? loaded.graphsProblem : undefined;
      this.#record = await this.#planner.choose(this.#request, asked, rowShape, problem);
    }
    return planOf(this.#record, rows);
  }

  /** The model does not run by the plan that was chosen: what is asked for is taken instead. */
  refused(error: unknown): void {
    const reason = inWords(toSconceError(error));
    this.context.planLog.warn(`the plan that was chosen cannot be used: ${reason}`);
    if (this.#record === undefined) return;
    this.#record = {
      ...this.#record,
      chosen: this.asked,
      source: 'none',
      notes: [...this.#record.notes, `what was fastest cannot be used: ${reason}`],
    };
  }
}

function askedPlan(options: NativeExecutionOptions, device: string): ExecutionPlan {
  const { freeze, precision, cudaGraphs, instances, intraOpThreads, batchSize } = options;
  return {
    freeze,
    optimize: false,
    channelsLast: false,
    precision,
    graphs: cudaGraphs === 'always' && device !== 'cpu',
    instances,
    intraOpThreads,
    rows: batchSize,
  };
}

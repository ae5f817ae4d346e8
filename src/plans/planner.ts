import { isDeepStrictEqual } from 'node:util';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { fileDigest, valueDigest } from './file-digest.js';
import type { ExecutionPlan, PlanMachine, PlannedModel, PlanWish } from './plan.js';
import { planInWords } from './plan.js';
import type { PlanCache } from './plan-cache.js';
import type { PlanRecord } from './plan-record.js';
import { type SearchResult, searchPlan } from './search.js';
import type { OpenTrials } from './trials.js';
import { Turns } from './turns.js';

/** A model that a plan is chosen for, and what the plan must keep to. */
export interface PlanRequest {
  model: PlannedModel;
  wish: PlanWish;
  /** What decides about its row shape, as far as it is known before it loads. */
  declared: unknown;
  /** Seconds that a search may take. */
  planTime: number;
  /** Seconds that it may wait for the searches of other models before that. */
  waitTime: number;
  /** Aborted when nobody wants the plan any more. */
  signal: AbortSignal;
  log: PlanLog;
}

/** Where it is told how a search goes on. */
export interface PlanLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface PlannerOptions {
  machine(): PlanMachine;
  cache: PlanCache;
  openTrials: OpenTrials;
  /** Of Sconce: another one may run a plan in another way. */
  version: string;
  load: MachineLoad;
}

/** What else the machine does. */
export interface MachineLoad {
  /** Microseconds of the processor that this process has taken. */
  cpuMicroseconds(): number;
  /** Whether more is to be run than there are cores for. */
  isBusy(): boolean;
}

/**
 * Others took the processor when a search waited for more than that part of its time, and for more
 * milliseconds: opening files and starting threads is waiting, too.
 */
const mostWaiting = { part: 0.3, milliseconds: 500 };

/** Milliseconds that a plan is used for which was found while others took the processor. */
const disturbedFor = 3_600_000;

/** Milliseconds between two lines of a search that goes on. */
const progressInterval = 3000;

/** Chooses plans by measurement, one model at a time, and remembers them on disk. */
export class Planner {
  /** Two searches at the same time would measure one another. */
  readonly #turns = new Turns();
  #warned = false;
  /** The file of a model is read once for each request. */
  readonly #keys = new WeakMap<PlanRequest, Promise<string>>();

  constructor(private readonly options: PlannerOptions) {}

  /**
   * The plan that was chosen before for the same file under the same circumstances; undefined without
   * one. Its `inputs` are to be compared with those of the model when that is loaded.
   */
  async recall(request: PlanRequest): Promise<PlanRecord | undefined> {
    try {
      const record = await this.options.cache.read(await this.#key(request));
      return record !== undefined && this.#isWorthAnother(record) ? undefined : record;
    } catch {
      // What is wrong with the file is for the one to say who loads it.
      return undefined;
    }
  }

  /** Better times can be had when the machine is calm; it may never be, so not at every start. */
  #isWorthAnother({ disturbed = false, measuredAt }: PlanRecord): boolean {
    const age = Date.now() - Date.parse(measuredAt);
    return disturbed && age > disturbedFor && !this.options.load.isBusy();
  }

  /**
   * Searches a plan for rows of a shape. Never rejects: a search that fails changes nothing.
   *
   * @param asked what is asked for, now that it is known how many rows a batch can have
   * @param graphsProblem why there can be no CUDA graphs, now that it is known
   */
  async choose(
    request: PlanRequest,
    asked: ExecutionPlan,
    inputs: readonly TensorSpec[],
    graphsProblem?: string,
  ): Promise<PlanRecord> {
    const { log, signal } = request;
    const since = performance.now();
    const common = {
      measuredAt: new Date().toISOString(),
      inputs: inputs.map(({ dtype, dims }) => ({ dtype, dims: [...dims] })),
    };
    const secondsSince = (): number => (performance.now() - since) / 1000;
    try {
      const model = { ...request.model, graphsProblem };
      const result = await this.#turns.take(request, () =>
        this.#search({ ...request, model }, asked, inputs),
      );
      const record: PlanRecord = {
        ...common,
        ...result,
        source: 'measured',
        seconds: secondsSince(),
      };
      await this.#keep(request, record);
      return record;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!signal.aborted) {
        log.warn(`no plan was chosen, ${planInWords(asked)} is taken: ${reason}`);
      }
      const notes = [`no plan was chosen: ${reason}`];
      return {
        ...common,
        chosen: asked,
        source: 'none',
        seconds: secondsSince(),
        tried: [],
        notes,
      };
    }
  }

  async #search(
    request: PlanRequest,
    asked: ExecutionPlan,
    inputs: readonly TensorSpec[],
  ): Promise<SearchResult & Pick<PlanRecord, 'gpu' | 'disturbed'>> {
    const { model, wish, planTime, signal } = request;
    const { load } = this.options;
    const machine = this.options.machine();
    const trials = this.options.openTrials(model, inputs);
    const end = (): void => trials.close();
    signal.addEventListener('abort', end, { once: true });
    try {
      const since = performance.now();
      const cpu = load.cpuMicroseconds();
      const result = await searchPlan({
        model,
        inputs,
        wish: { ...wish, asked },
        machine,
        trials,
        patience: planTime * 1000,
        progress: progressLines(request),
      });
      const took = performance.now() - since;
      const waited = took - (load.cpuMicroseconds() - cpu) / 1000;
      // The processor waits for a GPU whatever others do.
      if (model.device !== 'cpu') return { ...result, gpu: machine.gpu(model.device) };
      const isDisturbed = waited > mostWaiting.milliseconds && waited > took * mostWaiting.part;
      return isDisturbed ? disturbedResult(result) : result;
    } finally {
      signal.removeEventListener('abort', end);
      trials.close();
    }
  }

  async #keep(request: PlanRequest, record: PlanRecord): Promise<void> {
    const { cache } = this.options;
    try {
      await cache.write(await this.#key(request), record);
    } catch (error) {
      if (this.#warned) return;
      this.#warned = true;
      const reason = error instanceof Error ? error.message : String(error);
      request.log.warn(
        `plans cannot be kept in ${cache.folder} and are searched again at each start: ${reason}`,
      );
    }
  }

  #key(request: PlanRequest): Promise<string> {
    const known = this.#keys.get(request);
    if (known !== undefined) return known;
    const key = this.#makeKey(request);
    this.#keys.set(request, key);
    return key;
  }

  async #makeKey({ model, wish, declared, signal }: PlanRequest): Promise<string> {
    const { machine, version } = this.options;
    const { cores, cpu, libtorch, gpu } = machine();
    const { path, device, inputForms, graphMemory } = model;
    const file = await fileDigest(path, signal);
    // Whichever of several GPUs it is: the next start may begin with another of the same kind.
    const where = device === 'cpu' ? { device } : { device: gpu(device), graphMemory };
    const machineKey = { ...where, cores, cpu, libtorch };
    return valueDigest({ file, inputForms, wish, declared, ...machineKey, version });
  }
}

function disturbedResult(result: SearchResult): SearchResult & { disturbed: true } {
  const note =
    'other programs took the processor meanwhile: after an hour it is measured again, at a start when they do not';
  return { ...result, notes: [...result.notes, note], disturbed: true };
}

/** Whether a plan that was kept is one for rows of this shape. */
export function isPlanFor(record: PlanRecord, inputs: readonly TensorSpec[]): boolean {
  const given = inputs.map(({ dtype, dims }) => ({ dtype, dims: [...dims] }));
  return isDeepStrictEqual(record.inputs, given);
}

/** The plan of a record, whose batches are no larger than they may be now. */
export function planOf({ chosen }: PlanRecord, mostRows: number): ExecutionPlan {
  return { ...chosen, rows: Math.min(chosen.rows, mostRows) };
}

function progressLines({ log }: PlanRequest) {
  let told = performance.now();
  return (trying: string, tried: number, left: number): void => {
    if (performance.now() - told < progressInterval) return;
    told = performance.now();
    log.info(`choosing a plan: trying ${trying}; ${tried} tried, ${left} or more left`);
  };
}

import type { NativePlan } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { bucketsUpTo, dear, rowsThatPay, usualRows } from './batch-table.js';
import {
  type Candidates,
  candidatesFor,
  channelsLastWays,
  graphsWays,
  reducedWays,
} from './candidates.js';
import { deviceShares, type MachineShare, machineShares, neededGain } from './machine-shares.js';
import {
  type ExecutionPlan,
  isPreparedAs,
  type PlanMachine,
  type PlannedModel,
  type PlanWish,
  plainModule,
  preparationInWords,
  preparationOf,
} from './plan.js';
import { type PlanTrial, rateAt } from './plan-record.js';
import { type Margins, TimedTrials } from './timed-trials.js';
import type { Trials } from './trials.js';

export interface SearchRequest {
  model: PlannedModel;
  /** One row of each input. */
  inputs: readonly TensorSpec[];
  wish: PlanWish;
  machine: PlanMachine;
  trials: Trials;
  /** Milliseconds for everything. */
  patience: number;
  now?: () => number;
  /** Told before each trial what it is, and how many others are known to come. */
  progress?: (trying: string, tried: number, left: number) => void;
}

export interface SearchResult {
  chosen: ExecutionPlan;
  /** Rows a second, over those of the file as it is, or else of what is asked for. */
  speedup?: { ratio: number; over: string };
  tried: PlanTrial[];
  notes: string[];
}

/**
 * Batches below so many microseconds cost so little that only the cheapest of trials pay: what is
 * around a batch takes as long.
 */
const cheap = 200;

const marginsIfCheap: Margins = { simpler: 1.1, exact: 1.25, float32: 1.1 };

/**
 * Plans that are slower than the best by no more than that factor are timed once more; all of them
 * where batches are cheap: the repetitions of such a trial all fall into one slice of time.
 */
const close = 1.25;

/**
 * Finds the fastest plan for a model by trying: first how its module is prepared, with the instances
 * and threads that are asked for; then how the device is divided; then how large batches should be.
 *
 * @throws {Error} when not even what is asked for can be timed.
 */
export async function searchPlan(request: SearchRequest): Promise<SearchResult> {
  return new PlanSearch(request).run();
}

class PlanSearch {
  readonly #timed: TimedTrials;
  readonly #candidates: Candidates;
  /** Rows of the batches that plans are compared by. */
  #usual = 1;
  readonly #notes: string[];

  constructor(private readonly request: SearchRequest) {
    const { model, inputs, wish, machine, trials, patience } = request;
    const { now = () => performance.now(), progress = () => {} } = request;
    const { tolerance, asked } = wish;
    this.#timed = new TimedTrials({ trials, patience, tolerance, asked, now, progress });
    this.#candidates = candidatesFor(model, inputs, wish, machine);
    this.#notes = [...this.#candidates.notes];
  }

  async run(): Promise<SearchResult> {
    const { asked } = this.request.wish;
    const first = await this.#tryFirst();
    // Whoever asks for less precision accepts what it costs.
    if (asked.precision !== 'float32') {
      this.#timed.tolerance = Math.max(this.request.wish.tolerance, 2 * (first.deviation ?? 0));
    }
    for (const [i, plan] of this.#candidates.basic.slice(1).entries()) {
      await this.#tryPreparation(plan, this.#candidates.basic.length - 2 - i);
    }
    // Before it is told whether batches are cheap: what is around their kernels goes with graphs.
    if (this.#candidates.graphs) await this.#tryPreparations(graphsWays(this.#best(), asked));
    const isCheap = this.#microseconds() < cheap;
    // What is gained on the batch is lost in what is around it.
    if (isCheap) this.#timed.margins = marginsIfCheap;
    else await this.#tryLayouts();
    await this.#runOff(isCheap ? Number.POSITIVE_INFINITY : close);
    const preparation = this.#best();
    const reference = this.#reference();
    const chosen = isCheap ? preparation : await this.#divideDevice(preparation);
    const rows = await this.#sizeBatches(chosen);
    this.#noteSkipped();
    const { instances, intraOpThreads } = chosen;
    return {
      chosen: { ...preparationOf(chosen), instances, intraOpThreads, rows },
      ...this.#speedup(chosen, reference),
      tried: this.#timed.tried,
      notes: this.#notes,
    };
  }

  /** Tries what is asked for: with one row, which tells how many plans are to be compared by. */
  async #tryFirst(): Promise<PlanTrial> {
    const { asked } = this.request.wish;
    const left = this.#candidates.basic.length - 1;
    let first = await this.#tryPreparation(asked, left);
    const [time] = first?.microseconds ?? [];
    if (first === undefined || time === undefined) {
      throw new Error(first?.problem ?? 'there was no time');
    }
    this.#usual = usualRows(asked.rows, time);
    this.#timed.compared = this.#usual;
    if (this.#usual > 1) first = (await this.#tryPreparation(asked, left)) ?? first;
    return first;
  }

  async #tryLayouts(): Promise<void> {
    const { channelsLast, precisions } = this.#candidates;
    const { asked } = this.request.wish;
    if (channelsLast) await this.#tryPreparations(channelsLastWays(this.#best(), asked));
    for (const precision of precisions) {
      const best: NativePlan = { ...this.#best(), precision };
      await this.#tryPreparations(reducedWays(best, asked, channelsLast));
    }
  }

  /** Times those that may win once more, in the other order: what disturbs the machine passes. */
  async #runOff(factor: number): Promise<void> {
    const again = this.#timed.tried.filter((trial) => this.#timed.isWithin(factor, trial));
    if (again.length < 2) return;
    for (const [i, trial] of again.reverse().entries()) {
      await this.#timed.try({ ...trial, rows: this.#usual }, [this.#usual], again.length - 1 - i);
    }
  }

  /** Tries the other ways of dividing the device. Returns the best of all. */
  async #divideDevice(preparation: PlanTrial): Promise<PlanTrial> {
    const shares = this.#shares();
    let best = preparation;
    for (const [i, share] of shares.entries()) {
      const trial = await this.#timed.try(
        { ...preparation, ...share, rows: this.#usual },
        [this.#usual],
        shares.length - 1 - i,
      );
      if (trial?.problem !== undefined || trial === undefined) continue;
      if (this.#rate(trial) >= this.#rate(best) * neededGain(trial, best)) best = trial;
    }
    if (best === preparation) return best;
    // Once more beside what it goes before.
    await this.#timed.try({ ...preparation, rows: this.#usual }, [this.#usual], 1);
    await this.#timed.try({ ...best, rows: this.#usual }, [this.#usual], 0);
    const isWorthIt = this.#rate(best) >= this.#rate(preparation) * neededGain(best, preparation);
    return isWorthIt ? best : preparation;
  }

  #shares(): MachineShare[] {
    const { wish, machine, model } = this.request;
    if (model.device !== 'cpu') return deviceShares(wish);
    return machineShares(machine.cores, wish, this.#microseconds());
  }

  /** Times batches of other sizes. Returns how many rows a batch should have at most. */
  async #sizeBatches(chosen: PlanTrial): Promise<number> {
    const { asked, mayShrinkBatches } = this.request.wish;
    if (!mayShrinkBatches || asked.rows === 1) return asked.rows;
    // Only batches that take long are made smaller.
    if ((this.#timeOf(chosen) / this.#usual) * asked.rows < dear) return asked.rows;
    // Preparing, settling and repeating takes about six runs.
    const affordable = (this.#timed.timeLeft * 1000) / (this.#timeOf(chosen) / this.#usual) / 6;
    const sizes = bucketsUpTo(asked.rows);
    const rows = sizes.filter((_, i) => sumOf(sizes.slice(0, i + 1)) <= affordable);
    if (rows.length === 0) return asked.rows;
    const timed = await this.#timed.try({ ...chosen, rows: asked.rows }, rows, 0);
    return timed === undefined ? asked.rows : rowsThatPay(timed, asked.rows);
  }

  async #tryPreparations(plans: readonly NativePlan[]): Promise<void> {
    for (const [i, plan] of plans.entries()) {
      await this.#tryPreparation(plan, plans.length - 1 - i);
    }
  }

  #tryPreparation(plan: NativePlan, left: number): Promise<PlanTrial | undefined> {
    const { instances, intraOpThreads } = this.request.wish.asked;
    return this.#timed.try(
      { ...preparationOf(plan), instances, intraOpThreads, rows: this.#usual },
      [this.#usual],
      left,
    );
  }

  /** @throws {Error} when nothing could be timed */
  #best(): PlanTrial {
    const best = this.#timed.best();
    if (best !== undefined) return best;
    throw new Error(this.#timed.tried[0]?.problem ?? 'nothing could be timed');
  }

  /** What the others are compared with: the file as it is, or else what is asked for. */
  #reference(): PlanTrial {
    const { tried } = this.#timed;
    const plain = tried.find(
      (trial) => trial.problem === undefined && isPreparedAs(trial, plainModule),
    );
    const [first = this.#best()] = tried.filter(({ problem }) => problem === undefined);
    return plain ?? first;
  }

  #speedup(chosen: PlanTrial, reference: PlanTrial): Pick<SearchResult, 'speedup'> {
    const ratio = this.#rate(chosen) / this.#rate(reference);
    return Number.isFinite(ratio)
      ? { speedup: { ratio, over: preparationInWords(reference) } }
      : {};
  }

  /** Of a usual batch, by the best plan so far. */
  #microseconds(): number {
    return this.#timeOf(this.#best());
  }

  /** Microseconds of a usual batch. */
  #timeOf({ rows, microseconds }: PlanTrial): number {
    return microseconds[rows.indexOf(this.#usual)] ?? 0;
  }

  /** Rows a second, by all instances, in usual batches. */
  #rate(trial: PlanTrial): number {
    return rateAt(trial, this.#usual);
  }

  #noteSkipped(): void {
    const { skipped, broken } = this.#timed;
    if (broken !== undefined) this.#notes.push(`nothing more was tried: ${broken}`);
    if (skipped > 0) this.#notes.push(`${skipped} more were not tried: planTime was over`);
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

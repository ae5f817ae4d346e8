import type { NativePlan, TrialEvent } from '../native/addon.js';
import {
  complexity,
  type ExecutionPlan,
  isPreparedAs,
  plainModule,
  planInWords,
  preparationOf,
  runsAs,
} from './plan.js';
import { type PlanTrial, rateAt } from './plan-record.js';
import type { Trials } from './trials.js';

/** By which factor a plan must be faster than another to be chosen instead. */
export interface Margins {
  /** Than a simpler one. */
  simpler: number;
  /** Than one whose outputs are what the file gives, bit by bit. */
  exact: number;
  /** Than one in float32, besides that. */
  float32: number;
}

export const usualMargins: Margins = { simpler: 1.03, exact: 1.1, float32: 1.1 };

/** Milliseconds for the repetitions of one trial: the least and the most. */
const leastBudget = 3;
const mostBudget = 300;
/** Repetitions that a trial may have when they fit in there. */
const repetitions = 8;

export interface TimedTrialsOptions {
  trials: Trials;
  /** Milliseconds for everything. */
  patience: number;
  tolerance: number;
  /** Runs whatever its outputs are: somebody wants it so. */
  asked: NativePlan;
  /** Milliseconds, as performance.now(). */
  now(): number;
  /** Told before each trial what it is, and how many others are known to come. */
  progress(trying: string, tried: number, left: number): void;
}

/** Tries plans within a time, and remembers what became of them. */
export class TimedTrials {
  /** One for each plan, with its best times. */
  readonly tried: PlanTrial[] = [];
  margins = usualMargins;
  /** Rows of the batches that plans are compared by. */
  compared = 1;
  /** How often a plan was not tried for want of time. */
  skipped = 0;
  /** Why nothing more can be tried: the device has failed. */
  broken: string | undefined;
  readonly #deadline: number;
  #tolerance: number;
  /** Milliseconds that the last trial took. */
  #lastTook = 0;
  #count = 0;

  constructor(private readonly options: TimedTrialsOptions) {
    this.#deadline = options.now() + options.patience;
    this.#tolerance = options.tolerance;
  }

  /** Milliseconds. */
  get timeLeft(): number {
    return this.#deadline - this.options.now();
  }

  /** What is allowed from now on: a precision that was asked for is nobody's mistake. */
  set tolerance(deviation: number) {
    this.#tolerance = deviation;
  }

  /**
   * Tries one plan, or tries it again.
   *
   * @param left plans that are known to come after it
   * @returns what is known of it; undefined when there is no time for it, or it cannot be tried
   */
  async try(
    plan: ExecutionPlan,
    rows: readonly number[],
    left: number,
  ): Promise<PlanTrial | undefined> {
    const { options } = this;
    if (this.broken !== undefined) return undefined;
    // The first is tried whatever it takes: without it there is nothing to compare with.
    if (this.#count > 0 && this.timeLeft < this.#lastTook) {
      this.skipped += 1;
      return undefined;
    }
    options.progress(planInWords(plan), this.#count, left);
    this.#count += 1;
    const since = options.now();
    const event = await this.#withinTime(plan, rows);
    this.#lastTook = options.now() - since;
    if (event.error?.code === 'DEVICE_FAILED') this.broken = event.error.message;
    return this.#remember(plan, rows, event);
  }

  /** The fastest of those that may be chosen, the simplest of equals. Undefined when none may. */
  best(among: readonly PlanTrial[] = this.tried): PlanTrial | undefined {
    const allowed = among.filter(({ problem }) => problem === undefined);
    const fastest = Math.max(...allowed.map((trial) => this.#worth(trial)));
    const equals = allowed.filter((trial) => this.#worth(trial) * this.margins.simpler >= fastest);
    return equals.sort(bySimplicity)[0];
  }

  /** Whether the best of those that were tried is faster by no more than a factor. */
  isWithin(factor: number, trial: PlanTrial): boolean {
    const best = this.best();
    return (
      trial.problem === undefined &&
      best !== undefined &&
      this.#rate(trial) * factor >= this.#rate(best)
    );
  }

  #rate(trial: PlanTrial): number {
    return rateAt(trial, this.compared);
  }

  #worth(trial: PlanTrial): number {
    if (trial.deviation === 0 || this.#isAsIs(trial)) return this.#rate(trial);
    const { exact, float32 } = this.margins;
    const { precision } = this.options.asked;
    return this.#rate(trial) / (trial.precision === precision ? exact : exact * float32);
  }

  async #withinTime(plan: ExecutionPlan, rows: readonly number[]): Promise<TrialEvent> {
    const { instances, intraOpThreads } = plan;
    let overdue: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const patience = Math.max(this.timeLeft, 0) + this.options.patience;
      const seconds = (patience / 1000).toPrecision(2);
      const why = `a batch has not ended within ${seconds} s (planTime); its thread goes on until it does`;
      overdue = setTimeout(() => reject(new Error(why)), patience);
      overdue.unref();
    });
    try {
      return await Promise.race([
        this.options.trials.try({
          plan: preparationOf(plan),
          rows,
          instances,
          intraOpThreads,
          budget: this.#budget(rows),
        }),
        late,
      ]);
    } finally {
      clearTimeout(overdue);
    }
  }

  /** Milliseconds for the repetitions, from what comparable batches have taken. */
  #budget(rows: readonly number[]): number {
    const usual = this.tried.find(({ problem }) => problem === undefined);
    const [microseconds = 0] = usual?.microseconds ?? [];
    const [usualRows = 1] = usual?.rows ?? [];
    const expected = rows.reduce((sum, count) => sum + (microseconds * count) / usualRows, 0);
    const wanted = (expected * repetitions) / 1000;
    return Math.min(Math.max(wanted, leastBudget), mostBudget * rows.length);
  }

  #remember(plan: ExecutionPlan, rows: readonly number[], event: TrialEvent): PlanTrial {
    const { instances, intraOpThreads } = plan;
    const { microseconds, deviation, error } = event;
    const problem = error === undefined ? this.#refusal(deviation, plan) : error.message;
    const fresh: PlanTrial = {
      ...preparationOf(plan),
      instances,
      intraOpThreads,
      rows: [...rows],
      microseconds: [...microseconds],
      deviation: Number.isFinite(deviation) ? deviation : null,
      ...(problem === undefined ? {} : { problem }),
    };
    const known = this.tried.find((trial) => runsAs(trial, fresh));
    if (known === undefined) {
      this.tried.push(fresh);
      return fresh;
    }
    if (fresh.problem !== undefined) known.problem = fresh.problem;
    else takeBetter(known, fresh);
    return known;
  }

  #refusal(deviation: number, plan: NativePlan): string | undefined {
    if (deviation <= this.#tolerance || this.#isAsIs(plan)) return undefined;
    return Number.isFinite(deviation)
      ? `its outputs deviate by ${deviation.toPrecision(2)}; tolerance allows ${this.#tolerance}`
      : 'its outputs are not finite where those of float32 are, or the other way round';
  }

  /** Asked for, or the file as it is: however much that differs from run to run. */
  #isAsIs(plan: NativePlan): boolean {
    return isPreparedAs(plan, this.options.asked) || isPreparedAs(plan, plainModule);
  }
}

/** Fewer threads, then what is simpler, then what is nearer to float32. */
function bySimplicity(a: PlanTrial, b: PlanTrial): number {
  return (
    a.instances * a.intraOpThreads - b.instances * b.intraOpThreads ||
    complexity(a) - complexity(b) ||
    a.instances - b.instances ||
    (a.deviation ?? 0) - (b.deviation ?? 0)
  );
}

/** What disturbs a machine only makes a batch slower: the shorter of two times is the better one. */
function takeBetter(known: PlanTrial, fresh: PlanTrial): void {
  const times = new Map(known.rows.map((count, i) => [count, known.microseconds[i] ?? 0]));
  for (const [i, count] of fresh.rows.entries()) {
    const time = fresh.microseconds[i] ?? 0;
    times.set(count, Math.min(time, times.get(count) ?? time));
  }
  const sorted = [...times].sort(([a], [b]) => a - b);
  known.rows = sorted.map(([count]) => count);
  known.microseconds = sorted.map(([, time]) => time);
  known.deviation = Math.max(known.deviation ?? 0, fresh.deviation ?? 0);
}

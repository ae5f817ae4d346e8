import type { NativeTrial, Precision, TrialEvent } from '../../src/native/addon.js';
import type { PlanMachine, PlannedModel, PlanWish } from '../../src/plans/plan.js';
import type { Trials } from '../../src/plans/trials.js';

/** What a machine answers to a trial. */
export interface FakeAnswer {
  /** Of a batch of so many rows. */
  microseconds(rows: number): number;
  deviation?: number;
  error?: string;
  /** Of the error; MODEL_FAILED unless given. */
  code?: string;
  /** It never answers. */
  hangs?: boolean;
}

/** A machine that only calculates: no time passes but on its own clock. */
export class FakeTrials implements Trials {
  readonly asked: NativeTrial[] = [];
  /** Milliseconds. */
  clock = 0;
  closed = false;
  #giveUp: ((error: Error) => void)[] = [];

  constructor(private readonly answer: (trial: NativeTrial) => FakeAnswer) {}

  readonly now = (): number => this.clock;

  try(trial: NativeTrial): Promise<TrialEvent> {
    if (this.closed) return Promise.reject(new Error('it was ended'));
    this.asked.push(trial);
    const {
      microseconds,
      deviation = 0,
      error,
      code = 'MODEL_FAILED',
      hangs = false,
    } = this.answer(trial);
    if (hangs) return new Promise((_, reject) => this.#giveUp.push(reject));
    const times = error === undefined ? trial.rows.map(microseconds) : [];
    // It is prepared, settles in four runs, and is repeated twice or for as long as it may.
    const once = times.reduce((sum, time) => sum + time, 0) / 1000;
    this.clock += 1 + 4 * once + Math.max(2 * once, Math.min(trial.budget, 8 * once));
    return Promise.resolve({
      kind: 'trial',
      model: 1,
      microseconds: times,
      deviation: error === undefined ? deviation : 0,
      prepareMilliseconds: 1,
      ...(error === undefined ? {} : { error: { code, message: error } }),
    });
  }

  close(): void {
    this.closed = true;
    for (const giveUp of this.#giveUp.splice(0)) giveUp(new Error('it was ended'));
  }
}

export const plannedModel: PlannedModel = {
  name: 'm',
  version: '1.0',
  path: 'm.pt',
  device: 'cpu',
  graphMemory: 2 ** 30,
  inputForms: [],
};

export const modelOnGpu: PlannedModel = { ...plannedModel, device: 'cuda:0' };

export const images = [{ dtype: 'float32', dims: [3, 224, 224] }] as const;
export const vectors = [{ dtype: 'float32', dims: [64] }] as const;

/** @param lacks precisions that its devices do not compute in */
export function machineOf(cores: number, lacks: readonly Precision[] = []): PlanMachine {
  return {
    cores,
    cpu: 'one of ours',
    libtorch: '2.0',
    gpu: () => 'a fast one',
    computesIn: (_, precision) => !lacks.includes(precision),
  };
}

/** Nothing is said, but what is given. */
export function wishOf({
  asked = {},
  fixed = {},
  ...others
}: {
  asked?: Partial<PlanWish['asked']>;
  fixed?: Partial<PlanWish['fixed']>;
  mayShrinkBatches?: boolean;
  tolerance?: number;
} = {}): PlanWish {
  return {
    asked: {
      freeze: true,
      optimize: false,
      channelsLast: false,
      precision: 'float32',
      graphs: false,
      instances: 1,
      intraOpThreads: 1,
      rows: 32,
      ...asked,
    },
    fixed: {
      freeze: false,
      precision: false,
      graphs: false,
      instances: false,
      intraOpThreads: false,
      ...fixed,
    },
    mayShrinkBatches: true,
    tolerance: 1e-4,
    ...others,
  };
}

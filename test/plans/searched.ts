import type { NativeTrial } from '../../src/native/addon.js';
import { planInWords, preparationInWords } from '../../src/plans/plan.js';
import { type SearchRequest, type SearchResult, searchPlan } from '../../src/plans/search.js';
import {
  type FakeAnswer,
  FakeTrials,
  images,
  machineOf,
  plannedModel,
  wishOf,
} from './fake-trials.js';

export interface Searched extends SearchResult {
  trials: FakeTrials;
  /** The plans that were tried, in words, in their order. */
  ways: string[];
}

/** Searches on a machine that answers so. */
export async function search(
  answer: (trial: NativeTrial) => FakeAnswer,
  given: Partial<SearchRequest> = {},
): Promise<Searched> {
  const trials = new FakeTrials(answer);
  const result = await searchPlan({
    model: plannedModel,
    inputs: images,
    wish: wishOf(),
    machine: machineOf(2),
    trials,
    patience: 20_000,
    now: trials.now,
    ...given,
  });
  const ways = result.tried.map((trial) => planInWords(trial));
  return { ...result, trials, ways };
}

/** Milliseconds of one row by how the module is prepared, on one thread. */
export const byPreparation =
  (times: Record<string, number>, usual = 15) =>
  ({ plan, intraOpThreads }: NativeTrial): FakeAnswer => ({
    microseconds: (rows) =>
      (rows * 1000 * (times[preparationInWords(plan)] ?? usual)) / Math.sqrt(intraOpThreads),
    deviation: plan.precision === 'bfloat16' ? 0.01 : 1e-6,
  });

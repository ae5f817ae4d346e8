import type { PlanTrial } from './plan-record.js';
import { usualMargins } from './timed-trials.js';

/**
 * Batches from so many microseconds on are made no larger than pays: what is around a batch hardly
 * counts beside it. Shorter ones are as large as they may be.
 */
export const dear = 5000;

/** The powers of two below `most`, and itself. */
export function bucketsUpTo(most: number): number[] {
  const buckets: number[] = [];
  for (let rows = 1; rows < most; rows *= 2) buckets.push(rows);
  buckets.push(most);
  return buckets;
}

/** Longest batch, in microseconds, that plans are compared by: each of many trials runs several. */
const longestCompared = 200_000;

/**
 * The number of rows that plans are compared by, which stands for batches under load: 8, or fewer
 * when those take long.
 *
 * @param microseconds of a batch of one row
 */
export function usualRows(most: number, microseconds: number): number {
  let rows = Math.min(8, most);
  while (rows > 1 && rows * microseconds > longestCompared) rows = Math.floor(rows / 2);
  return rows;
}

/**
 * The fewest rows with which a plan is as fast as it gets, where more were timed and are no faster; as
 * many as a batch may have else, and where batches are short.
 *
 * @param most as many as a batch may have
 */
export function rowsThatPay({ rows, microseconds }: PlanTrial, most: number): number {
  const rates = rows.map((count, i) => count / (microseconds[i] ?? Number.POSITIVE_INFINITY));
  const fastest = Math.max(...rates);
  const best = rates.findIndex((rate) => rate * usualMargins.simpler >= fastest);
  const isDear = (microseconds[best] ?? 0) >= dear;
  return isDear && best < rows.length - 1 ? Math.min(rows[best] ?? most, most) : most;
}

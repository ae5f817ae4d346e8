/** A batch that is to run, and by when. Times are the clock's milliseconds. */
export interface PlannedBatch {
  /** The batch with the lowest runs first; of equal ones the first in the list. */
  order: number;
  /** Milliseconds that it takes when it is slow, and on average. */
  takes: number;
  usuallyTakes: number;
  /** The moments of Slab: when it must have ended, and when it must have begun. */
  wantedBy: number;
  answerBy: number;
  startBy: number;
  /** Requests in it. */
  requests: number;
}

/** What is to be done, and with what. */
export interface Plan {
  now: number;
  /** Milliseconds until the main loop hears of a batch that has ended. */
  lag: number;
  /** When each instance will be free. */
  readonly free: readonly number[];
  readonly batches: readonly PlannedBatch[];
}

/**
 * Whether every batch keeps its deadlines when idle instances take the most urgent one each. What
 * the model's own timeouts are too short for anyway, alone and at once, is let pass: it is for them to
 * say what becomes of it.
 */
export function keepsDeadlines({ now, lag, free, batches }: Plan): boolean {
  const freeAt = [...free];
  for (const batch of inOrder(batches)) {
    const instance = earliest(freeAt);
    const start = Math.max(now, freeAt[instance] ?? now);
    const end = start + batch.takes + lag;
    if (end > batch.wantedBy) return false;
    const isAlone = batch.requests === 1 && start <= now;
    if (!isAlone && (end >= batch.answerBy || start >= batch.startBy)) return false;
    // Not all of those before it are slow.
    freeAt[instance] = start + batch.usuallyTakes;
  }
  return true;
}

/** When the first instance will have nothing more to do. */
export function drainedAt({ now, free, batches }: Omit<Plan, 'lag'>): number {
  const freeAt = [...free];
  for (const { usuallyTakes } of inOrder(batches)) {
    const instance = earliest(freeAt);
    freeAt[instance] = Math.max(now, freeAt[instance] ?? now) + usuallyTakes;
  }
  return Math.max(now, freeAt[earliest(freeAt)] ?? now);
}

function inOrder(batches: readonly PlannedBatch[]): PlannedBatch[] {
  return [...batches].sort((a, b) => a.order - b.order);
}

function earliest(times: readonly number[]): number {
  let first = 0;
  for (let i = 1; i < times.length; i += 1) {
    if ((times[i] ?? 0) < (times[first] ?? 0)) first = i;
  }
  return first;
}

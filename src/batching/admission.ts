import { SconceError } from '../errors.js';
import type { Backlog } from './backlog.js';
import { answerBy, startBy, type TimeLimits } from './deadlines.js';
import { drainedAt, keepsDeadlines, type Plan, type PlannedBatch } from './schedule.js';
import type { Slab } from './slab.js';
import type { SlabInRing, SlabRing } from './slab-ring.js';

/**
 * Milliseconds for which requests that are in no hurry let others that came later go first; longer
 * than that nobody waits for those who name a time of their own.
 */
const longestYield = 1000;

/** Milliseconds to spare with which nothing can go wrong. */
const plenty = 1000;

/** Slabs that a request is tried in before it gets one of its own. */
const mostTries = 4;

/** Rows that want a place. Times are the clock's milliseconds. */
export interface Arrival {
  readonly rows: number;
  /** When the request arrived. */
  readonly since: number;
  /** When it wants its answer, by what it says itself; infinite when it says nothing. */
  readonly wantedBy: number;
}

/** A slab with room for rows, and the batch that it will be. */
interface OpenBatch extends PlannedBatch {
  slab: Slab;
  ring: SlabRing;
}

/** What is to be done, with what may still be added to. */
type OpenPlan = Omit<Plan, 'batches'> & { readonly batches: readonly OpenBatch[] };

/**
 * Decides which slab rows go into, so that all that were admitted keep their deadlines by what is
 * known of the costs, and refuses what cannot keep its own. While deadlines are far away, as usual,
 * it only makes sure that they are.
 */
export class Admission {
  /** No deadline of a request that waits is before it. */
  #earliest = Number.POSITIVE_INFINITY;
  /** Milliseconds that no batch takes longer than, as far as is known. */
  #longest = 0;

  /** @param instances how many there are */
  constructor(
    private readonly slabs: ReadonlyMap<number, SlabInRing>,
    private readonly backlog: Backlog,
    private readonly limits: TimeLimits,
    private readonly instances: () => number,
  ) {}

  /** More is known of what the batches of a ring take. */
  learned({ costs }: SlabRing): void {
    const longest = costs.ceiling / 1000;
    if (longest > this.#longest) this.#longest = longest;
  }

  /** True when every deadline is so far away that none need be looked at. */
  isEasy(ring: SlabRing, arrival: Arrival, now: number): boolean {
    this.learned(ring);
    if (ring.exclusive) {
      this.#longest = Math.max(this.#longest, ring.costs.slow(arrival.rows) / 1000);
    }
    // Others may have all of the delay: it was asked for.
    const delay = arrival.wantedBy === Number.POSITIVE_INFINITY ? 0 : this.limits.batchDelay;
    if (this.#longest === 0 && delay === 0) return true;
    const due = Math.min(this.#earliest, this.#dueOf(arrival));
    // As many batches as there are slabs, and this one.
    const batches = (this.slabs.size + 1) / this.instances() + 1;
    const spare = due - now - delay - batches * this.#longest;
    return spare > plenty || spare >= this.backlog.lag;
  }

  /** Rows have their place in a slab. True when it has become more urgent. */
  placed(arrival: Arrival, slab: Slab): boolean {
    const { limits } = this;
    const { since, wantedBy } = arrival;
    if (wantedBy < slab.wantedBy) slab.wantedBy = wantedBy;
    slab.answerBy = Math.min(slab.answerBy, answerBy(limits, since));
    slab.startBy = Math.min(slab.startBy, startBy(limits, since));
    const due = this.#dueOf(arrival);
    if (due < this.#earliest) this.#earliest = due;
    const order = Math.min(due, since + longestYield);
    if (order >= slab.order) return false;
    slab.order = order;
    return true;
  }

  /**
   * Chooses among the slabs that take reservations.
   *
   * @param mustTake only a time of its own refuses the request
   * @returns undefined for a new one
   * @throws {SconceError} REQUEST_TIMEOUT_TOO_SHORT, BACKLOG_TOO_LONG
   */
  choose(ring: SlabRing, arrival: Arrival, mustTake: boolean, now: number): Slab | undefined {
    const plan = withoutLost(this.#plan(now));
    const own = this.#alone(ring, arrival);
    this.#longest = Math.max(this.#longest, own.takes, ring.costs.ceiling / 1000);
    const room = joinable(plan.batches, ring, arrival.rows).slice(0, mostTries);
    for (const batch of room) {
      const batches = plan.batches.map((other) =>
        other === batch ? joined(batch, own, arrival.rows) : other,
      );
      if (keepsDeadlines({ ...plan, batches })) return batch.slab;
    }
    if (keepsDeadlines({ ...plan, batches: [...plan.batches, own] })) return undefined;
    if (this.#isTrial(ring, arrival, plan)) return undefined;
    if (mustTake && !isOwnLimit(own)) return room[0]?.slab;
    throw this.#refusal(arrival, own, drainedAt(plan) - now);
  }

  /** True when a slab that was chosen for an arrival is not to wait for the end of the turn. */
  hurries({ wantedBy }: Arrival, slab: Slab, now: number): boolean {
    const { batchDelay } = this.limits;
    if (batchDelay > 0) return wantedBy - now < batchDelay + this.#longest;
    return this.backlog.isAheadOfSome(slab.order);
  }

  #dueOf({ since, wantedBy }: Arrival): number {
    const { limits } = this;
    return Math.min(wantedBy, answerBy(limits, since), startBy(limits, since));
  }

  /** What is to be done. What is known of costs and deadlines is looked at anew. */
  #plan(now: number): OpenPlan {
    const free: number[] = [];
    const open: OpenBatch[] = [];
    this.#earliest = Number.POSITIVE_INFINITY;
    this.#longest = 0;
    for (const { slab, ring } of this.slabs.values()) {
      const longest = ring.costs.slow(slab.layout.capacity) / 1000;
      this.#longest = Math.max(this.#longest, longest);
      if (slab.returned || slab.reservations.length === 0) continue;
      this.#earliest = Math.min(this.#earliest, slab.wantedBy, slab.answerBy, slab.startBy);
      if (slab.sealed) free.push(freeAt(slab, ring, now));
      else open.push(openBatch(slab, ring));
    }
    while (free.length < this.instances()) free.push(now);
    const { queue } = this.backlog;
    const places = new Map(queue.map((slab, place) => [slab, place]));
    // What is not rung is behind what is, where both are as urgent.
    const placeOf = (slab: Slab): number => places.get(slab) ?? queue.length + slab.sequence;
    open.sort((a, b) => placeOf(a.slab) - placeOf(b.slab));
    return { now, lag: this.backlog.lag, free, batches: open };
  }

  /** The batch that an arrival would be without others. */
  #alone(ring: SlabRing, arrival: Arrival): PlannedBatch {
    const { limits } = this;
    const { rows, since, wantedBy } = arrival;
    return {
      order: Math.min(this.#dueOf(arrival), since + longestYield),
      ...timesOf(ring, rows),
      wantedBy,
      answerBy: answerBy(limits, since),
      startBy: startBy(limits, since),
      requests: 1,
    };
  }

  /**
   * What seems to take too long has not been tried for a while, and an instance is idle: else a
   * moment in which everything was slow would be remembered for ever.
   */
  #isTrial({ costs }: SlabRing, { wantedBy }: Arrival, { now, free, batches }: Plan): boolean {
    if (wantedBy <= now || batches.length > 0) return false;
    return costs.isStale(now) && free.some((at) => at <= now);
  }

  /** @param wait milliseconds of what is to be done before */
  #refusal({ since }: Arrival, own: PlannedBatch, wait: number): SconceError {
    const { modelName, modelVersion, responseTimeout, clientTimeout } = this.limits;
    const milliseconds = Math.ceil(wait);
    if (isOwnLimit(own)) {
      const allowed = Math.round(own.wantedBy - since);
      const values = [modelName, modelVersion, allowed, Math.ceil(own.takes), milliseconds];
      return new SconceError('REQUEST_TIMEOUT_TOO_SHORT', ...values);
    }
    const limit = own.startBy < own.answerBy ? clientTimeout : responseTimeout;
    const error = new SconceError('BACKLOG_TOO_LONG', modelName, modelVersion, limit, milliseconds);
    return error.retryAfter(Math.ceil(wait / 1000));
  }
}

/**
 * A plan in which times that clients name, and that may not be kept any more even if their batch ran at
 * once, are none: nobody is refused for their sake.
 */
function withoutLost(plan: OpenPlan): OpenPlan {
  const soonest = plan.now + plan.lag;
  const isLost = ({ wantedBy, takes }: OpenBatch): boolean => wantedBy < soonest + takes;
  if (!plan.batches.some(isLost)) return plan;
  const wantedBy = Number.POSITIVE_INFINITY;
  const batches = plan.batches.map((batch) => (isLost(batch) ? { ...batch, wantedBy } : batch));
  return { ...plan, batches };
}

/** True when the time that a request names itself is the first to be over. */
function isOwnLimit({
  wantedBy,
  answerBy: answered,
  startBy: started,
  takes,
}: PlannedBatch): boolean {
  return wantedBy <= answered && wantedBy - takes <= started;
}

/** Milliseconds that a batch takes. */
function timesOf({ costs }: SlabRing, rows: number): Pick<PlannedBatch, 'takes' | 'usuallyTakes'> {
  return { takes: costs.slow(rows) / 1000, usuallyTakes: costs.expected(rows) / 1000 };
}

/** When the instance will be free that has taken a slab. */
function freeAt(slab: Slab, ring: SlabRing, now: number): number {
  const start = slab.startedAt || now;
  const { takes, usuallyTakes } = timesOf(ring, slab.rows);
  return Math.max(now, start + usuallyTakes > now ? start + usuallyTakes : start + takes);
}

function openBatch(slab: Slab, ring: SlabRing): OpenBatch {
  const { wantedBy, answerBy: answered, startBy: started, reservations } = slab;
  return {
    slab,
    ring,
    // An idle instance has been told of it, and takes it before any other.
    order: slab.startedAt > 0 ? Number.NEGATIVE_INFINITY : slab.order,
    ...timesOf(ring, slab.rows),
    wantedBy,
    answerBy: answered,
    startBy: started,
    requests: reservations.length,
  };
}

/** Batches of a ring that have room, that of the open slab first. */
function joinable(batches: readonly OpenBatch[], ring: SlabRing, rows: number): OpenBatch[] {
  if (ring.exclusive) return [];
  const fit = batches.filter(
    ({ slab, ring: its }) => its === ring && slab.rows + rows <= slab.layout.capacity,
  );
  const open = fit.find(({ slab }) => slab === ring.open);
  return open === undefined ? fit : [open, ...fit.filter((batch) => batch !== open)];
}

/** A batch with the rows of another. */
function joined(batch: OpenBatch, other: PlannedBatch, rows: number): OpenBatch {
  return {
    ...batch,
    order: Math.min(batch.order, other.order),
    ...timesOf(batch.ring, batch.slab.rows + rows),
    wantedBy: Math.min(batch.wantedBy, other.wantedBy),
    answerBy: Math.min(batch.answerBy, other.answerBy),
    startBy: Math.min(batch.startBy, other.startBy),
    requests: batch.requests + other.requests,
  };
}

import type { UnorderedSet } from '../collections/unordered-set.js';
import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import type { Alarm, Clock } from './clock.js';
import type { Reservation } from './reservation.js';

/** How long requests may take, and whose they are. */
export interface TimeLimits {
  /** For messages. */
  modelName: string;
  modelVersion: string;
  /** Milliseconds from the arrival of a request to its answer. */
  responseTimeout: number;
  /**
   * Milliseconds within which an instance must have taken a request, batchDelay not counted; 0 for
   * as long as it takes.
   */
  clientTimeout: number;
  /**
   * Milliseconds that a slab which is not full waits for more rows although an instance may be
   * idle: TorchServe's way. 0 rings at the end of the turn.
   */
  batchDelay: number;
}

/** Until when a request that arrived then must be answered. */
export function answerBy(limits: TimeLimits, since: number): number {
  return since + limits.responseTimeout;
}

/** Until when an instance must have taken it. */
export function startBy({ clientTimeout, batchDelay }: TimeLimits, since: number): number {
  return clientTimeout === 0 ? Number.POSITIVE_INFINITY : since + clientTimeout + batchDelay;
}

/** Why a request has waited for too long, if it has. */
export function lateness(
  limits: TimeLimits,
  since: number,
  isTaken: boolean,
  now: number,
): SconceError | undefined {
  const { modelName, modelVersion, responseTimeout, clientTimeout } = limits;
  if (answerBy(limits, since) <= now) {
    return new SconceError('RESPONSE_TIMEOUT', modelName, modelVersion, responseTimeout);
  }
  if (!isTaken && startBy(limits, since) <= now) {
    return new SconceError('CLIENT_TIMEOUT', modelName, modelVersion, clientTimeout);
  }
  return undefined;
}

/** Answers requests whose time is over. One timer for all of them. */
export class Deadlines {
  #alarm: Alarm | undefined;
  /** When the alarm comes, in the clock's milliseconds. */
  #due = Number.POSITIVE_INFINITY;

  /** @param waiting unanswered requests */
  constructor(
    private readonly waiting: Pick<UnorderedSet<Reservation>, 'all'>,
    private readonly limits: TimeLimits,
    private readonly clock: Clock,
  ) {}

  /** One more waits. */
  watch(reservation: Reservation): void {
    const due = this.#dueOf(reservation);
    if (due < this.#due) this.#schedule(due);
  }

  stop(): void {
    this.#alarm?.cancel();
  }

  #schedule(due: number): void {
    this.#alarm?.cancel();
    this.#due = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(longestTimer, Math.max(1, due - this.clock.now()));
    this.#alarm = this.clock.after(delay, () => this.#expire());
  }

  /** When a reservation is next to be looked at. */
  #dueOf({ since, slab }: Reservation): number {
    const { limits } = this;
    const due = answerBy(limits, since);
    return slab.sealed ? due : Math.min(due, startBy(limits, since));
  }

  #expire(): void {
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const reservation of this.waiting.all) {
      if (!reservation.waiting) continue;
      const { since, slab, owner } = reservation;
      const error = lateness(this.limits, since, slab.sealed, now);
      if (error === undefined) {
        next = Math.min(next, this.#dueOf(reservation));
      } else {
        reservation.cancel();
        owner.failed(error);
      }
    }
    this.#schedule(next);
  }
}

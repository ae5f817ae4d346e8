import { Samples } from './samples.js';
import type { Slab } from './slab.js';

/** The instances' queue, as far as the main loop knows it: which batches run, and since when. */
export class Backlog {
  /** Rung, and taken by nobody as far as is known; the first is the next. */
  readonly #queue: Slab[] = [];
  /** As many as there are instances at most. */
  readonly #running: Slab[] = [];
  /** Milliseconds from the end of a batch until it was heard of. */
  readonly #lags = new Samples();

  /** @param instances how many there are */
  constructor(private readonly instances: () => number) {}

  /** Batches that wait for an instance, the next one first. */
  get queue(): readonly Slab[] {
    return this.#queue;
  }

  /** Milliseconds until the main loop hears of a batch that has ended, when it is slow to. */
  get lag(): number {
    return this.#lags.isKnown ? this.#lags.slow : 0;
  }

  /** A batch has ended so many microseconds after it was rung. */
  ran(slab: Slab, microseconds: number, now: number): void {
    const lag = now - slab.rungAt - microseconds / 1000;
    // Clocks differ by less than a microsecond.
    this.#lags.add(Math.max(0, Math.floor(lag * 1000) / 1000));
  }

  /** The instances hear of a slab. */
  rung(slab: Slab, now: number): void {
    slab.rungAt = now;
    this.#insert(slab);
    this.#advance(now);
  }

  /** True when a batch waits that is less urgent than this. */
  isAheadOfSome(order: number): boolean {
    const last = this.#queue.at(-1);
    return last !== undefined && order < last.order;
  }

  /** A slab that is rung has become more urgent. */
  moved(slab: Slab): void {
    if (remove(this.#queue, slab)) this.#insert(slab);
  }

  /** A batch is back. */
  returned(slab: Slab, now: number): void {
    if (!remove(this.#running, slab)) remove(this.#queue, slab);
    this.#advance(now);
  }

  /** Behind all that are as urgent. */
  #insert(slab: Slab): void {
    let place = this.#queue.length;
    while (place > 0 && (this.#queue[place - 1]?.order ?? 0) > slab.order) place -= 1;
    this.#queue.splice(place, 0, slab);
  }

  /** Idle instances take what comes next. */
  #advance(now: number): void {
    while (this.#running.length < this.instances()) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next.startedAt = now;
      this.#running.push(next);
    }
  }
}

/** @returns whether it was among them */
function remove(slabs: Slab[], slab: Slab): boolean {
  const place = slabs.indexOf(slab);
  if (place >= 0) slabs.splice(place, 1);
  return place >= 0;
}

import type { Slab } from './slab.js';

/** Looks in the time that a batch may run. */
const looksPerTimeout = 8;

/** Milliseconds between two looks. */
const shortestPause = 10;
const longestPause = 1000;

/**
 * Counts the batches that have been with an instance for longer than they may. It looks now and
 * then, and only while batches are out, so that it costs a request nothing. Looks are counted, not
 * time: a main loop that was held up has batches to read that came back long ago.
 */
export class HangWatch {
  readonly #pause: number;
  /** How many looks have found the same batch running. */
  readonly #looks = new Map<Slab, number>();
  readonly #stuck = new Set<Slab>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limit milliseconds that a batch may run
   * @param changed told how many batches are stuck, each time that this changes
   */
  constructor(
    private readonly slabs: ReadonlyMap<number, { slab: Slab }>,
    private readonly limit: number,
    private readonly changed: (stuck: number) => void,
  ) {
    this.#pause = Math.max(shortestPause, Math.min(longestPause, limit / looksPerTimeout));
  }

  /** A batch is out. */
  start(): void {
    this.#timer ??= this.#schedule();
  }

  /** A batch is back. */
  returned(slab: Slab): void {
    this.#looks.delete(slab);
    if (this.#stuck.delete(slab)) this.changed(this.#stuck.size);
  }

  #schedule(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), this.#pause).unref();
  }

  #look(): void {
    const before = this.#stuck.size;
    let isAnyOut = false;
    for (const { slab } of this.slabs.values()) {
      if (!slab.rung || slab.returned) continue;
      isAnyOut = true;
      if (slab.sealed) this.#see(slab);
    }
    this.#timer = isAnyOut ? this.#schedule() : undefined;
    if (this.#stuck.size > before) this.changed(this.#stuck.size);
  }

  #see(slab: Slab): void {
    const looks = (this.#looks.get(slab) ?? 0) + 1;
    this.#looks.set(slab, looks);
    // The first look does not say for how long it has run.
    if ((looks - 1) * this.#pause > this.limit) this.#stuck.add(slab);
  }
}

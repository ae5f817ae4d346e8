import type { Alarm, Clock } from './clock.js';
import type { Slab } from './slab.js';

/** Turns of the event loop that the bell waits for the one in which no request comes. */
const mostTurnsDeferred = 4;

/** A slab that waits for more rows before the bell is rung. */
interface Delayed {
  slab: Slab;
  alarm: Alarm;
}

/** Decides when the instances are told of a slab that has something new. */
export class Bell {
  /** Slabs with rows that were settled since the bell was last rung. */
  readonly #toRing: Slab[] = [];
  /** Only with a delay; one for each ring as a rule. */
  readonly #delayed: Delayed[] = [];
  /** True until the end of the turn has come. */
  #isTurning = false;
  /** True when no rows were settled since the last turn ended. */
  #quietTurn = false;
  #turnsDeferred = 0;
  #hurried = false;

  /**
   * @param delay milliseconds that a slab which is not full waits for more rows; 0 rings at the end
   *   of the turn
   * @param ring tells the instances of a slab
   */
  constructor(
    private readonly clock: Clock,
    private readonly delay: number,
    private readonly ring: (slab: Slab) => void,
  ) {}

  /** True when no slab waits to be rung. */
  get idle(): boolean {
    return this.#toRing.length === 0 && this.#delayed.length === 0;
  }

  /** Rows of a slab that is not rung were settled. */
  settled(slab: Slab): void {
    // A full slab gains nothing by waiting.
    if (slab.full || slab.hurries) {
      this.now(slab);
    } else if (this.delay > 0) {
      this.#wait(slab);
    } else {
      if (!this.#toRing.includes(slab)) this.#toRing.push(slab);
      this.#quietTurn = false;
      this.#awaitTurn();
    }
  }

  /** Nothing more will come into a slab: it does not wait any longer, if it does. */
  closed(slab: Slab): void {
    if (this.#isDelayed(slab)) this.now(slab);
  }

  /** Slabs do not wait for more rows any more. */
  hurry(): void {
    this.#hurried = true;
    for (const { slab } of [...this.#delayed]) this.now(slab);
  }

  /** Rings for this slab and all that are to be rung. */
  now(slab: Slab): void {
    const place = this.#delayed.findIndex((delayed) => delayed.slab === slab);
    if (place >= 0) {
      this.#delayed[place]?.alarm.cancel();
      this.#delayed.splice(place, 1);
    }
    if (!this.#toRing.includes(slab)) this.#toRing.push(slab);
    this.#ringAll();
  }

  #wait(slab: Slab): void {
    if (this.#hurried) {
      this.now(slab);
    } else if (!this.#isDelayed(slab)) {
      this.#delayed.push({ slab, alarm: this.clock.after(this.delay, () => this.now(slab)) });
    }
  }

  #isDelayed(slab: Slab): boolean {
    return this.#delayed.some((delayed) => delayed.slab === slab);
  }

  #awaitTurn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.clock.atEndOfTurn(() => this.#turnEnded());
  }

  /**
   * Rings at the end of a turn in which no request came, so that all requests that are there to be
   * read run together: small batches cost the main loop more in wake-ups than they gain.
   */
  #turnEnded(): void {
    this.#isTurning = false;
    if (this.#toRing.length === 0) return;
    if (!this.#quietTurn && this.#turnsDeferred < mostTurnsDeferred) {
      this.#quietTurn = true;
      this.#turnsDeferred += 1;
      this.#awaitTurn();
      return;
    }
    this.#ringAll();
  }

  /** The most urgent first: an idle instance takes what it hears of. */
  #ringAll(): void {
    this.#turnsDeferred = 0;
    const slabs = this.#toRing.splice(0);
    if (slabs.length > 1) slabs.sort((a, b) => a.order - b.order || a.sequence - b.sequence);
    for (const slab of slabs) this.ring(slab);
  }
}

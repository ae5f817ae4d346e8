/** Measurements that count; older ones are forgotten. */
const windowSize = 32;

/** Measurements without which nothing is known. */
export const leastEvidence = 4;

/** Of the measurements that count, so many are taken; the slowest are left out. */
const keptShare = 0.9;

/** The latest measurements of something. The slowest are left out: one of them alone says nothing. */
export class Samples {
  readonly #window = new Float64Array(windowSize);
  #count = 0;
  #next = 0;
  #mean = 0;
  #slow = 0;
  #isStale = false;

  get isKnown(): boolean {
    return this.#count >= leastEvidence;
  }

  /** The mean of those that are not left out. */
  get mean(): number {
    this.#sort();
    return this.#mean;
  }

  /** The slowest that is not left out. */
  get slow(): number {
    this.#sort();
    return this.#slow;
  }

  add(value: number): void {
    this.#window[this.#next] = value;
    this.#next = (this.#next + 1) % windowSize;
    this.#count = Math.min(windowSize, this.#count + 1);
    this.#isStale = true;
  }

  #sort(): void {
    if (!this.#isStale) return;
    const sorted = this.#window.slice(0, this.#count).sort();
    const kept = sorted.subarray(0, Math.floor((this.#count - 1) * keptShare) + 1);
    this.#slow = kept.at(-1) ?? 0;
    this.#mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
    this.#isStale = false;
  }
}

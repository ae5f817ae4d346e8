const gibibyte = 1024 ** 3;

/** Whatever the largest body is, so many of them can be read at the same time. */
const largestBodies = 64;

/**
 * Memory for bodies that have begun and not ended, of all connections together: clients that send
 * slowly would otherwise hold as much as they like.
 */
export class BodyBudget {
  #used = 0;

  /** @param limit bytes */
  constructor(readonly limit: number) {}

  /** The budget of a server that takes bodies of so many bytes. */
  static forBodiesOf(maxRequestSize: number): BodyBudget {
    return new BodyBudget(Math.max(gibibyte, largestBodies * maxRequestSize));
  }

  get used(): number {
    return this.#used;
  }

  /** False, and nothing taken, when there is not so much left. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

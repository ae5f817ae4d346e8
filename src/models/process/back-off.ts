/** Seconds until a worker that has ended is started again, as TorchServe has them. */
const delays = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597];

/** When a worker is started again, and when no more. */
export class BackOff {
  #attempts = 0;
  #since: number | undefined;

  /** @param window milliseconds from the first failure on in which it is tried again */
  constructor(
    private readonly window: number,
    private readonly millisecondsPerSecond = 1000,
  ) {}

  /** When it failed for the first time since it last ran, in performance.now() milliseconds. */
  get failingSince(): number | undefined {
    return this.#since;
  }

  /** Milliseconds to the next attempt after a failure; undefined when there shall be none. */
  next(now = performance.now()): number | undefined {
    this.#since ??= now;
    if (now - this.#since >= this.window) return undefined;
    const seconds = delays[Math.min(this.#attempts, delays.length - 1)] ?? 0;
    this.#attempts += 1;
    return seconds * this.millisecondsPerSecond;
  }

  /** It runs. */
  reset(): void {
    this.#attempts = 0;
    this.#since = undefined;
  }
}

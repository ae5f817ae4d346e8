/** Seconds until a thread that has ended is replaced, as TorchServe has them for its workers. */
const delays = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144];

/**
 * When threads that have ended are replaced: at once, unless none has answered a request since the
 * last was; then later each time.
 */
export class Restarts {
  readonly #timers = new Set<NodeJS.Timeout>();
  #attempts = 0;
  #hasServed = true;
  #begun = false;
  #stopped = false;

  /** @param start starts one thread */
  constructor(private readonly start: () => void) {}

  /** False until the first threads run: what ends before that is not replaced. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The first threads run. */
  begin(): void {
    this.#begun = true;
  }

  /** A request was answered. */
  served(): void {
    this.#hasServed = true;
    this.#attempts = 0;
  }

  /**
   * A thread has ended.
   *
   * @returns whether it is replaced at once
   */
  schedule(): boolean {
    if (this.#stopped) return false;
    const seconds = this.#hasServed
      ? 0
      : (delays[Math.min(this.#attempts, delays.length - 1)] ?? 0);
    if (!this.#hasServed) this.#attempts += 1;
    this.#hasServed = false;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.start();
    }, seconds * 1000);
    timer.unref();
    this.#timers.add(timer);
    return seconds === 0;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** Aborts what makes no progress for a while. */
export class StallWatch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #stalled = false;

  /** @param timeout milliseconds */
  constructor(timeout: number) {
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#controller.abort();
    }, timeout);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  progress(): void {
    this.#timer.refresh();
  }

  /** Ends the watch, and whatever still listens to the signal. */
  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

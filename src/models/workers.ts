/** One instance as TorchServe's API shows it: a worker. */
export interface Worker {
  /** TorchServe's worker ids are ports; they count over all models. */
  id: number;
  startTime: Date;
  /** Milliseconds until it could serve; undefined before. */
  loadMilliseconds: number | undefined;
}

/** The workers of a model version, oldest first. The newest stop first, as in TorchServe. */
export class Workers {
  readonly #workers: Worker[] = [];

  constructor(private readonly nextId: () => number) {}

  get list(): readonly Worker[] {
    return this.#workers;
  }

  resize(count: number): void {
    this.#workers.length = Math.min(this.#workers.length, count);
    while (this.#workers.length < count) {
      this.#workers.push({
        id: this.nextId(),
        startTime: new Date(),
        loadMilliseconds: undefined,
      });
    }
  }

  /**
   * Those that were starting can serve.
   *
   * @param milliseconds what each of them took
   * @returns them
   */
  started(milliseconds: readonly number[]): Worker[] {
    const started = this.#workers.filter((worker) => worker.loadMilliseconds === undefined);
    for (const [index, worker] of started.entries()) {
      worker.loadMilliseconds = milliseconds[index] ?? 0;
    }
    return started;
  }
}

/** The number of the first worker of a server: TorchServe's are ports. */
export const firstWorkerId = 9000;

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

  /** One of them can serve, perhaps again. */
  loaded(id: number, milliseconds: number): void {
    const worker = this.#workers.find((each) => each.id === id);
    if (worker !== undefined) worker.loadMilliseconds = milliseconds;
  }

  /**
   * As many as run can serve.
   *
   * @param milliseconds what each of those took that are new
   * @param running the oldest of the workers
   * @returns those that are new
   */
  started(milliseconds: readonly number[], running: number): Worker[] {
    const started = this.#workers
      .slice(0, running)
      .filter((worker) => worker.loadMilliseconds === undefined);
    for (const [index, worker] of started.entries()) {
      // One that was stopped and taken back has nothing to load.
      worker.loadMilliseconds = milliseconds[index] ?? 0;
    }
    return started;
  }
}

import type { Worker } from 'node:worker_threads';

/** Threads that the process has started since the last call of clear(), as Node announces them. */
export class WatchedThreads {
  readonly #threads: Worker[] = [];
  readonly #add = (thread: Worker): void => {
    this.#threads.push(thread);
  };

  constructor() {
    process.on('worker', this.#add);
  }

  get all(): readonly Worker[] {
    return this.#threads;
  }

  stop(): void {
    process.off('worker', this.#add);
  }
}

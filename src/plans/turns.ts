export interface TurnRequest {
  /** Seconds that it may wait for its turn. */
  waitTime: number;
  /** Aborted when nobody wants it any more. */
  signal: AbortSignal;
}

/** Work that is done one at a time, in the order in which it was asked for. */
export class Turns {
  /** Ends with the last that was asked for. */
  #last: Promise<void> = Promise.resolve();

  /**
   * @throws {Error} when its turn does not come in time, or nobody waits for it any more; as the work
   *   does. As a rejection.
   */
  async take<Result>(
    { waitTime, signal }: TurnRequest,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const before = this.#last;
    let done = (): void => {};
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await withinTime(before, waitTime * 1000, signal);
      return await work();
    } finally {
      // The next one comes after all before it, also when this one gives up.
      void before.then(done);
    }
  }
}

async function withinTime(
  promise: Promise<void>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  let stop = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error('the searches of other models took too long')),
      milliseconds,
    );
    const aborted = (): void => reject(new Error('it was ended'));
    signal.addEventListener('abort', aborted, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
    };
  });
  try {
    await Promise.race([promise, late]);
    signal.throwIfAborted();
  } finally {
    stop();
  }
}

/** A callback that is still to come. */
export interface Alarm {
  /** It does not come any more. */
  cancel(): void;
}

/** Time, and turns of the event loop, as batching sees them; tests have their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back once. The process may end before that. */
  after(milliseconds: number, callback: () => void): Alarm;
  /** Calls back when everything that can be read from sockets now has been. */
  atEndOfTurn(callback: () => void): void;
}

/** Node's. */
export const realClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  atEndOfTurn: (callback) => {
    setImmediate(callback);
  },
};

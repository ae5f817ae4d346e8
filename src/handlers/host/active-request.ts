import { SconceError } from '../../errors.js';
import type { ReplyStream } from './reply-stream.js';

/** A request that the thread has. */
export class ActiveRequest {
  /** What it is answered with, when that comes in pieces. */
  stream: ReplyStream | undefined;
  #abort: AbortController | undefined;
  #isAbandoned = false;

  /** True when nobody waits for the answer any more. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Of its context. Made for who asks: V8 has four hidden classes of its own for each signal. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isAbandoned) this.#abort.abort(cancelled());
    }
    return this.#abort.signal;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#abort?.abort(cancelled());
    this.stream?.cancel();
  }
}

function cancelled(): SconceError {
  return new SconceError('REQUEST_CANCELLED');
}

import { type SconceError, toHandlerError } from '../errors.js';
import { toFailure } from '../handlers/host/failure.js';
import type { Mail } from '../workers/mail.js';
import type { AcceptorOrders, AnswerMessage } from './messages.js';

/** Chunks on their way to an acceptor thread whose client has not made room for them. */
const mostChunks = 4;

/** Reads a stream for an acceptor thread, as fast as its client reads. */
export class StreamRelay {
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #credits = mostChunks;
  #wake: (() => void) | undefined;
  #abandoned = false;
  #ended = false;

  /** @param ended called once, when nothing is read any more; with what the stream has thrown */
  constructor(
    private readonly number: number,
    private readonly stream: AsyncIterable<Uint8Array>,
    private readonly mail: Mail<AcceptorOrders>,
    private readonly ended: (error: SconceError | undefined) => void,
  ) {
    void this.#run();
  }

  /** A chunk was read. */
  credit(): void {
    this.#credits += 1;
    this.#wake?.();
  }

  /** Nobody reads on. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    // A chunk that is still awaited may never come.
    void this.#return().finally(() => this.#end(undefined));
    this.#wake?.();
  }

  async #return(): Promise<void> {
    try {
      await this.#iterator?.return?.();
    } catch {
      // Nobody is there to hear of it.
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#read();
      this.#end(undefined);
    } catch (error) {
      this.#end(toHandlerError(error));
    }
  }

  async #read(): Promise<void> {
    const iterator = this.stream[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#abandoned) {
      const { done, value } = await iterator.next();
      if (done === true || this.#abandoned) return;
      this.#answer({ kind: 'chunk', number: this.number, bytes: this.mail.bytes(value, true) });
      this.#credits -= 1;
      if (this.#credits > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#abandoned) resolve();
      });
    }
  }

  #end(error: SconceError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const failure = error === undefined ? undefined : toFailure(error);
    this.#answer({ kind: 'end', number: this.number, failure });
    this.ended(error);
  }

  #answer(answer: AnswerMessage): void {
    this.mail.push('answers', answer);
  }
}

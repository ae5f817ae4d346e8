import { Deferred } from '../deferred.js';

/** Bytes that wait for a client before the worker is read no further. */
const mostBuffered = 1024 * 1024;

/** The pieces of a reply, from the worker that makes them to the protocol that sends them. */
export class ReplyStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: Error | undefined;
  /** Set while the reader waits for a piece. */
  #waiting: Deferred<void> | undefined;
  /** Set while the writer waits for room. */
  #full: Deferred<void> | undefined;

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  /** Adds a piece; resolves when there is room for the next, or nobody reads any more. */
  async push(piece: Uint8Array): Promise<void> {
    if (this.#ended) return;
    this.#pieces.push(piece);
    this.#bytes += piece.byteLength;
    this.#waiting?.resolve();
    if (this.#bytes < mostBuffered) return;
    this.#full ??= new Deferred();
    await this.#full.promise;
  }

  /** No more pieces come; those that are there are still read. */
  end(): void {
    this.#ended = true;
    this.#waiting?.resolve();
  }

  /** Breaks off behind the pieces that are there. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error = error;
    this.end();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#bytes -= piece.byteLength;
        if (this.#bytes < mostBuffered) this.#makeRoom();
        return { done: false, value: piece };
      }
      if (this.#ended) {
        const error = this.#error;
        this.#error = undefined;
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      this.#waiting = new Deferred();
      await this.#waiting.promise;
      this.#waiting = undefined;
    }
  }

  /** The client has gone: what comes is thrown away. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#error = undefined;
    this.end();
    this.#makeRoom();
    return { done: true, value: undefined };
  }

  #makeRoom(): void {
    this.#full?.resolve();
    this.#full = undefined;
  }
}

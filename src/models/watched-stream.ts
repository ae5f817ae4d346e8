/** A stream that says when nobody reads it any more. */
export class WatchedStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #hasEnded = false;

  constructor(
    chunks: AsyncIterable<Uint8Array>,
    private readonly ended: () => void,
    /** Says what is thrown instead of what the stream has thrown. */
    private readonly failed: (error: unknown) => unknown,
  ) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const result = await this.#chunks.next();
      if (result.done === true) this.#end();
      return result;
    } catch (error) {
      this.#end();
      throw this.failed(error);
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    // Not behind a chunk that is still awaited, as the return() of a generator would be.
    await this.#chunks.return?.();
    this.#end();
    return { done: true, value: undefined };
  }

  /** Nobody reads on, whether it has ended or not. */
  abandon(): void {
    if (!this.#hasEnded) void this.return();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.ended();
  }
}

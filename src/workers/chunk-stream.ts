import type { SconceError } from '../errors.js';

/** What the reader of a stream tells its source. */
export interface ChunkSource {
  /** There is room for another chunk. */
  taken(): void;
  /** Nobody reads any more. */
  cancelled(): void;
  /** The error of a chunk that has not come in time. */
  late(): SconceError;
}

/** The chunks of a reply, from a handler's thread to the protocol that sends them. */
export class ChunkStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #error: SconceError | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param patience milliseconds that the reader waits for a chunk */
  constructor(
    private readonly source: ChunkSource,
    private readonly patience: number,
  ) {}

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  /** Ends it behind the chunks that are there; with an error when there is one. */
  end(error?: SconceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#chunks.length === 0 && !this.#ended) await this.#wait();
    const value = this.#chunks.shift();
    if (value !== undefined) {
      if (!this.#ended) this.source.taken();
      return { done: false, value };
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#chunks.length = 0;
    this.#error = undefined;
    if (!this.#ended) {
      this.end();
      this.source.cancelled();
    }
    return { done: true, value: undefined };
  }

  async #wait(): Promise<void> {
    const timer = setTimeout(() => {
      this.end(this.source.late());
      this.source.cancelled();
    }, this.patience);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }
}

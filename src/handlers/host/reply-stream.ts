import { writeChunk } from './write-reply.js';

/** Chunks that may be on their way before the client has taken the first. */
export const firstCredit = 4;

/** Where the pieces of a stream go. */
export interface StreamSink {
  /** Before the first piece: status and headers are settled. */
  begin(): void;
  chunk(bytes: Uint8Array): void;
  /** There are no more. */
  end(): void;
}

/** Sends what a generator yields, no faster than the client takes it. */
export class ReplyStream {
  #credit = firstCredit;
  #wake: (() => void) | undefined;
  #cancelled = false;

  constructor(
    private readonly chunks: AsyncGenerator<unknown>,
    private readonly sink: StreamSink,
  ) {}

  /** So many more chunks may be sent. */
  credit(chunks: number): void {
    this.#credit += chunks;
    this.#wake?.();
  }

  /** The client does not want the rest. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake?.();
  }

  /** Resolves when the generator has ended; rejects with what it throws. */
  async run(): Promise<void> {
    let begun = false;
    // Ended before its end, the loop calls the generator's return().
    for await (const chunk of this.chunks) {
      if (this.#cancelled) return;
      const bytes = writeChunk(chunk);
      if (!begun) this.sink.begin();
      begun = true;
      this.sink.chunk(bytes);
      this.#credit -= 1;
      while (this.#credit <= 0 && !this.#cancelled) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#cancelled) return;
    }
    if (!begun) this.sink.begin();
    this.sink.end();
  }
}

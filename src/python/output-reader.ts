import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { LineSplitter } from './line-splitter.js';

/** Lines that are passed on at once. */
const linesAtOnce = 500;

/** Milliseconds until more are: a process that prints faster waits, and the main loop does not. */
const rest = 20;

/** The lines that a process prints to one of its streams, at a pace that leaves time for others. */
export class OutputReader {
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  readonly #waiting: string[] = [];
  #hurry = false;

  constructor(
    private readonly stream: Readable,
    private readonly onLine: (text: string) => void,
  ) {
    this.ended = this.#read();
  }

  /** The process is gone: what it left is read without a rest. */
  hurry(): void {
    this.#hurry = true;
  }

  async #read(): Promise<void> {
    const splitter = new LineSplitter((text) => this.#waiting.push(text));
    try {
      for await (const chunk of this.stream) {
        splitter.push(chunk);
        await this.#passOn();
      }
    } catch {
      // Closed from here: what was printed until then counts.
    }
    splitter.end();
    await this.#passOn();
  }

  async #passOn(): Promise<void> {
    for (let first = 0; first < this.#waiting.length; first += linesAtOnce) {
      if (first > 0 && !this.#hurry) await delay(rest);
      for (const line of this.#waiting.slice(first, first + linesAtOnce)) this.onLine(line);
    }
    this.#waiting.length = 0;
  }
}

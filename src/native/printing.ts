import type { NativeModel } from './addon.js';

/** Milliseconds between two looks at what a model prints. */
const interval = 100;

/**
 * Takes what a model prints, at a pace that leaves the main loop to the requests: what a model
 * prints faster is counted by the addon, and dropped there.
 */
export class Printing {
  /** Runs for the interval after each look. */
  #resting: NodeJS.Timeout | undefined;
  #waiting = false;

  constructor(
    private readonly model: Pick<NativeModel, 'takePrinted'>,
    private readonly deliver: (lines: readonly string[], dropped: number) => void,
  ) {}

  /** Something waits: takes it at once, or when the interval since the last time is over. */
  wait(): void {
    if (this.#resting === undefined) this.#take();
    else this.#waiting = true;
  }

  /** Takes what is left. */
  end(): void {
    this.#take();
    clearTimeout(this.#resting);
  }

  #take(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#rested(), interval).unref();
    this.#waiting = false;
    const { text, dropped } = this.model.takePrinted();
    if (text !== '' || dropped > 0) this.deliver(text.split('\n').slice(0, -1), dropped);
  }

  #rested(): void {
    this.#resting = undefined;
    if (this.#waiting) this.#take();
  }
}

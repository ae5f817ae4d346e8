import { ArrivalQueue } from '../../collections/arrival-queue.js';

/** Work that waits for its turn. */
interface Waiting {
  weight: number;
  begin(): void;
}

/**
 * Lets work in as long as its weights together stay within a bound, in the order in which it came. A
 * piece that is heavier than the bound runs alone.
 */
export class DecodeGate {
  #weight = 0;
  readonly #waiting = new ArrivalQueue<Waiting>();

  constructor(private readonly bound: number) {}

  /**
   * Runs work when there is room for it.
   *
   * @throws the signal's reason when it is aborted before the work began.
   */
  async run<T>(weight: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#waiting.size > 0 || !this.#fits(weight)) await this.#wait(weight, signal);
    else this.#weight += weight;
    try {
      return await work();
    } finally {
      this.#weight -= weight;
      this.#admit();
    }
  }

  #fits(weight: number): boolean {
    return this.#weight === 0 || this.#weight + weight <= this.bound;
  }

  #wait(weight: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(entry);
        reject(signal.reason);
        this.#admit();
      };
      const waiting: Waiting = {
        weight,
        begin() {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const entry = this.#waiting.add(waiting);
    });
  }

  #admit(): void {
    for (;;) {
      const { first } = this.#waiting;
      if (first === undefined || !this.#fits(first.weight)) return;
      this.#waiting.shift();
      this.#weight += first.weight;
      first.begin();
    }
  }
}

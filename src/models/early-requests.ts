import { SconceError } from '../errors.js';
import type { Prediction } from './prediction.js';

/** Requests that came while their model was loading. */
export class EarlyRequests {
  readonly #waiting = new Map<Prediction, NodeJS.Timeout>();

  /**
   * @param limit most requests that wait
   * @param timeout milliseconds after which one is answered with `late`
   */
  constructor(
    private readonly limit: number,
    private readonly timeout: number,
    private readonly late: () => SconceError,
  ) {}

  get count(): number {
    return this.#waiting.size;
  }

  /** Keeps a request for a model that is called by this name, or refuses it. */
  hold(prediction: Prediction, modelName: string): void {
    if (this.#waiting.size >= this.limit) this.#forgetCancelled();
    if (this.#waiting.size >= this.limit) {
      prediction.failed(new SconceError('NO_CAPACITY', modelName));
      return;
    }
    const timer = setTimeout(() => this.#expire(prediction), this.timeout);
    timer.unref();
    this.#waiting.set(prediction, timer);
  }

  /** Hands over those that wait, oldest first. */
  take(): Prediction[] {
    const taken = [...this.#waiting.keys()];
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    return taken;
  }

  /** A request does not wait for a model that loads longer than an answer may take. */
  #expire(prediction: Prediction): void {
    this.#waiting.delete(prediction);
    prediction.failed(this.late());
  }

  #forgetCancelled(): void {
    for (const [prediction, timer] of this.#waiting) {
      if (!prediction.over) continue;
      clearTimeout(timer);
      this.#waiting.delete(prediction);
    }
  }
}

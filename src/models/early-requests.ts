import { SconceError } from '../errors.js';
import type { Prediction } from './prediction.js';

/** Requests that came while their model was loading. */
export class EarlyRequests {
  readonly #waiting: Prediction[] = [];

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
    return this.#waiting.length;
  }

  /** Keeps a request for a model that is called by this name, or refuses it. */
  hold(prediction: Prediction, modelName: string): void {
    if (this.#waiting.length >= this.limit) {
      prediction.failed(new SconceError('NO_CAPACITY', modelName));
      return;
    }
    this.#waiting.push(prediction);
    const timer = setTimeout(() => this.#expire(prediction), this.timeout);
    timer.unref();
  }

  /** Hands over those that wait, oldest first. */
  take(): Prediction[] {
    return this.#waiting.splice(0);
  }

  /** A request does not wait for a model that loads longer than an answer may take. */
  #expire(prediction: Prediction): void {
    const index = this.#waiting.indexOf(prediction);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    prediction.failed(this.late());
  }
}

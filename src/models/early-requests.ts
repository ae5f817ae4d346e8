import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import type { Prediction } from './prediction.js';

export interface EarlyRequestsOptions {
  modelName: string;
  modelVersion: string;
  /** Most requests that wait. */
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  /** Milliseconds; 0 for none. */
  clientTimeout: number;
}

/** Requests that came while their model was loading. */
export class EarlyRequests {
  readonly #waiting = new Map<Prediction, NodeJS.Timeout>();

  constructor(private readonly options: EarlyRequestsOptions) {}

  get count(): number {
    return this.#waiting.size;
  }

  /** Keeps a request for a model that is called by this name, or refuses it. */
  hold(prediction: Prediction): void {
    const { modelName, jobQueueSize } = this.options;
    if (this.#waiting.size >= jobQueueSize) {
      prediction.failed(new SconceError('NO_CAPACITY', modelName));
      return;
    }
    const timer = setTimeout(() => prediction.failed(this.#late()), this.#patience).unref();
    this.#waiting.set(prediction, timer);
    prediction.onOver(() => {
      clearTimeout(timer);
      this.#waiting.delete(prediction);
    });
  }

  /** Hands over those that wait, oldest first. */
  take(): Prediction[] {
    const taken = [...this.#waiting.keys()];
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    return taken;
  }

  /** A request does not wait for a model that loads longer than an answer may take. */
  get #patience(): number {
    const { responseTimeout, clientTimeout } = this.options;
    const client = clientTimeout > 0 ? clientTimeout : longestTimer;
    return Math.min(responseTimeout * 1000, client, longestTimer);
  }

  #late(): SconceError {
    const { modelName, modelVersion, clientTimeout, responseTimeout } = this.options;
    return clientTimeout > 0 && clientTimeout < responseTimeout * 1000
      ? new SconceError('CLIENT_TIMEOUT', modelName, modelVersion, clientTimeout)
      : new SconceError('RESPONSE_TIMEOUT', modelName, modelVersion, responseTimeout * 1000);
  }
}

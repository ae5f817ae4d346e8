import { type SconceError, toSconceError } from '../errors.js';
import type { MetricMessage } from '../handlers/host/messages.js';
import type { CustomMetric, CustomMetrics } from '../metrics/custom-metrics.js';

/** Applies the calls that a handler has made on the metrics of its thread. */
export class MetricCalls {
  readonly #metrics: CustomMetrics;
  #request = '';

  constructor(
    metrics: (requestIds: () => readonly string[]) => CustomMetrics,
    private readonly mistaken: (error: SconceError) => void,
  ) {
    this.#metrics = metrics(() => (this.#request === '' ? [] : [this.#request]));
  }

  /** @param made metrics that the thread has made, by its numbers */
  take(messages: readonly MetricMessage[], made: Map<number, CustomMetric>): void {
    for (const { request, call } of messages) {
      this.#request = request;
      try {
        this.#apply(call, made);
      } catch (error) {
        this.mistaken(toSconceError(error));
      }
    }
  }

  #apply(call: MetricMessage['call'], made: Map<number, CustomMetric>): void {
    switch (call.method) {
      case 'addMetric':
        this.#metrics.addMetric(...call.given);
        break;
      case 'addCounter':
        this.#metrics.addCounter(...call.given);
        break;
      case 'addTime':
        this.#metrics.addTime(...call.given);
        break;
      case 'addSize':
        this.#metrics.addSize(...call.given);
        break;
      case 'addPercent':
        this.#metrics.addPercent(...call.given);
        break;
      case 'addError':
        this.#metrics.addError(...call.given);
        break;
      case 'addMetricToCache':
        made.set(call.metric, this.#metrics.addMetricToCache(...call.given));
        break;
      case 'getMetric':
        made.set(call.metric, this.#metrics.getMetric(...call.given));
        break;
      case 'addOrUpdate':
        made.get(call.metric)?.addOrUpdate(...call.given);
    }
  }
}

import type { CustomMetric, CustomMetrics } from '../../metrics/custom-metrics.js';
import type { MetricCall, MetricMessage } from './messages.js';

/** Hands the calls of a handler's metrics to the main loop, where a mistake is logged. */
export class MetricsRelay implements CustomMetrics {
  static #made = 0;

  /** @param request id of the request that they belong to; empty for none */
  constructor(
    private readonly send: (message: MetricMessage) => void,
    private readonly request = '',
  ) {}

  addMetric(...given: Parameters<CustomMetrics['addMetric']>): void {
    this.#call({ method: 'addMetric', given });
  }

  addCounter(...given: Parameters<CustomMetrics['addCounter']>): void {
    this.#call({ method: 'addCounter', given });
  }

  addTime(...given: Parameters<CustomMetrics['addTime']>): void {
    this.#call({ method: 'addTime', given });
  }

  addSize(...given: Parameters<CustomMetrics['addSize']>): void {
    this.#call({ method: 'addSize', given });
  }

  addPercent(...given: Parameters<CustomMetrics['addPercent']>): void {
    this.#call({ method: 'addPercent', given });
  }

  addError(...given: Parameters<CustomMetrics['addError']>): void {
    this.#call({ method: 'addError', given });
  }

  addMetricToCache(...given: Parameters<CustomMetrics['addMetricToCache']>): CustomMetric {
    const metric = this.#next();
    this.#call({ method: 'addMetricToCache', metric, given });
    return this.#metric(metric);
  }

  getMetric(...given: Parameters<CustomMetrics['getMetric']>): CustomMetric {
    const metric = this.#next();
    this.#call({ method: 'getMetric', metric, given });
    return this.#metric(metric);
  }

  #next(): number {
    MetricsRelay.#made += 1;
    return MetricsRelay.#made;
  }

  #metric(metric: number): CustomMetric {
    return {
      addOrUpdate: (...given) => this.#call({ method: 'addOrUpdate', metric, given }),
    };
  }

  /** @throws {TypeError} for what cannot cross to the main loop. */
  #call(call: MetricCall): void {
    if (!isPlain(call.given)) {
      throw new TypeError(`metrics.${call.method}() takes text, numbers, and dimensions of text`);
    }
    this.send({ request: this.request, call });
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return typeof value !== 'function' && typeof value !== 'symbol';
  }
  return Object.values(value).every(isPlain);
}

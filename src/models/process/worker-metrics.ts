import type { CustomMetric, CustomMetrics } from '../../metrics/custom-metrics.js';
import type { WorkerMetric } from '../../python/metric-line.js';

/** Different metrics that are kept; a handler that makes names up gets no more. */
const mostMetrics = 1000;

/** The metrics that the workers of a model version print, counted as its handler's own. */
export class WorkerMetrics {
  readonly #made = new Map<string, CustomMetric>();

  /** @param refused told why a metric cannot be counted, once for each */
  constructor(
    private readonly metrics: CustomMetrics,
    private readonly refused: (error: unknown) => void,
  ) {}

  /** Counts a metric that metrics.yaml declares, or that may be detected. */
  take(metric: WorkerMetric): void {
    const names = metric.dimensions.map(([name]) => name);
    const key = [metric.kind, metric.name, ...names].join(' ');
    let made = this.#made.get(key);
    if (made === undefined) {
      if (this.#made.size >= mostMetrics) return;
      made = this.#make(metric, names);
      this.#made.set(key, made);
    }
    try {
      made.addOrUpdate(
        metric.value,
        metric.dimensions.map(([, value]) => value),
        metric.requestIds,
      );
    } catch (error) {
      this.#made.set(key, ignored);
      this.refused(error);
    }
  }

  /** A line without a type counts for what is declared, which a gauge can always be. */
  #make({ name, unit, kind = 'gauge' }: WorkerMetric, dimensions: string[]): CustomMetric {
    try {
      return this.metrics.addMetricToCache(name, unit, dimensions, kind);
    } catch (error) {
      this.refused(error);
      return ignored;
    }
  }
}

const ignored: CustomMetric = { addOrUpdate: () => {} };

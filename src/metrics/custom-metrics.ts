import type { MetricKind } from './specification.js';

/** Where a value of a handler's metric belongs. */
export interface CustomMetricOptions {
  /** Position of the request in its batch; by default a value belongs to all of them. */
  index?: number;
  /** Labels and their values; `ModelName` and `Level` are added. */
  dimensions?: Readonly<Record<string, string>>;
}

/** The same for metrics whose kind may be chosen. */
export interface CustomKindOptions extends CustomMetricOptions {
  kind?: MetricKind;
}

/**
 * The metrics that a handler reports, as TorchServe's `context.metrics`. A metric that
 * metrics.yaml does not declare under `model_metrics` goes nowhere, unless metrics are detected.
 *
 * Everything here throws MODEL_FAILED, as any mistake of a handler does: for a name that is none,
 * a value that is not a finite number, a counter that would decrease, labels that are not those
 * the metric has.
 */
export interface CustomMetrics {
  /** A counter, unless `kind` says otherwise. */
  addMetric(name: string, value: number, unit: string, options?: CustomKindOptions): void;
  addCounter(name: string, value: number, options?: CustomMetricOptions): void;
  /** A gauge, in milliseconds, unless the options say otherwise. */
  addTime(name: string, value: number, options?: CustomKindOptions & { unit?: 'ms' | 's' }): void;
  /** A gauge, in megabytes, unless the options say otherwise. */
  addSize(
    name: string,
    value: number,
    options?: CustomKindOptions & { unit?: 'B' | 'kB' | 'MB' | 'GB' },
  ): void;
  /** A gauge, unless `kind` says otherwise. */
  addPercent(name: string, value: number, options?: CustomKindOptions): void;
  /** A counter with the level `Error`, of no request. */
  addError(name: string, value: number, options?: Pick<CustomMetricOptions, 'dimensions'>): void;
  /** Makes a metric that is then changed with its own addOrUpdate(). */
  addMetricToCache(
    name: string,
    unit: string,
    dimensionNames?: readonly string[],
    kind?: MetricKind,
  ): CustomMetric;
  /** A metric that metrics.yaml declares, or that was made before. */
  getMetric(name: string, kind?: MetricKind): CustomMetric;
}

/** One metric of a handler. */
export interface CustomMetric {
  /** @param dimensionValues in the order of the metric's labels */
  addOrUpdate(value: number, dimensionValues?: readonly string[], requestId?: string): void;
}

import { BoundCustomMetric, type CustomMetricsContext, refusal } from './bound-custom-metric.js';
import type {
  CustomKindOptions,
  CustomMetric,
  CustomMetricOptions,
  CustomMetrics,
} from './custom-metrics.js';
import type { MetricKind } from './specification.js';

/** Names of units that handlers may abbreviate. */
const units: ReadonlyMap<string, string> = new Map([
  ['ms', 'Milliseconds'],
  ['s', 'Seconds'],
  ['percent', 'Percent'],
  ['count', 'Count'],
  ['MB', 'Megabytes'],
  ['GB', 'Gigabytes'],
  ['kB', 'Kilobytes'],
  ['B', 'Bytes'],
  ['', 'unit'],
]);

/** Metrics that were made by their use, by kind and name. */
export type CustomMetricCache = Map<string, BoundCustomMetric>;

/** What a handler calls, for the requests of one batch. */
export class BoundCustomMetrics implements CustomMetrics {
  constructor(
    private readonly context: CustomMetricsContext,
    private readonly made: CustomMetricCache,
    private readonly requestIds: () => readonly string[],
  ) {}

  addMetric(name: string, value: number, unit: string, options: CustomKindOptions = {}): void {
    this.#add(name, value, unit, options.kind ?? 'counter', options);
  }

  addCounter(name: string, value: number, options: CustomMetricOptions = {}): void {
    this.#add(name, value, 'count', 'counter', options);
  }

  addTime(
    name: string,
    value: number,
    options: CustomKindOptions & { unit?: 'ms' | 's' } = {},
  ): void {
    this.#add(name, value, options.unit ?? 'ms', options.kind ?? 'gauge', options);
  }

  addSize(
    name: string,
    value: number,
    options: CustomKindOptions & { unit?: 'B' | 'kB' | 'MB' | 'GB' } = {},
  ): void {
    this.#add(name, value, options.unit ?? 'MB', options.kind ?? 'gauge', options);
  }

  addPercent(name: string, value: number, options: CustomKindOptions = {}): void {
    this.#add(name, value, 'percent', options.kind ?? 'gauge', options);
  }

  addError(
    name: string,
    value: number,
    options: Pick<CustomMetricOptions, 'dimensions'> = {},
  ): void {
    const dimensions = new Map(Object.entries(options.dimensions ?? {}));
    if (!dimensions.has('Level')) dimensions.set('Level', 'Error');
    this.#made(name, '', [...dimensions.keys()], 'counter').change(value, dimensions, () => '');
  }

  addMetricToCache(
    name: string,
    unit: string,
    dimensionNames: readonly string[] = [],
    kind: MetricKind = 'counter',
  ): CustomMetric {
    return this.#make(name, unit, [...dimensionNames], kind);
  }

  getMetric(name: string, kind: MetricKind = 'counter'): CustomMetric {
    const made = this.made.get(keyOf(name, kind));
    if (made !== undefined) return made;
    const declared = this.context.families.model(name);
    if (declared?.specification.kind !== kind) throw refusal(name, `does not exist as a ${kind}`);
    const dimensions = declared.specification.dimensions.slice(0, -1);
    return new BoundCustomMetric(name, kind, dimensions, this.context, declared.specification.unit);
  }

  #add(
    name: string,
    value: number,
    unit: string,
    kind: MetricKind,
    { index, dimensions }: CustomMetricOptions,
  ): void {
    const all = new Map(Object.entries(dimensions ?? {}));
    if (!all.has('ModelName')) all.set('ModelName', this.context.modelName);
    if (!all.has('Level')) all.set('Level', 'Model');
    const ids = () => {
      const list = this.requestIds();
      return (index === undefined ? undefined : list[index]) ?? list.join(',');
    };
    this.#made(name, unit, [...all.keys()], kind).change(value, all, ids);
  }

  #made(
    name: string,
    unit: string,
    dimensions: readonly string[],
    kind: MetricKind,
  ): BoundCustomMetric {
    return this.made.get(keyOf(name, kind)) ?? this.#make(name, unit, dimensions, kind);
  }

  #make(
    name: string,
    unit: string,
    dimensions: readonly string[],
    kind: MetricKind,
  ): BoundCustomMetric {
    const metric = new BoundCustomMetric(
      name,
      kind,
      dimensions,
      this.context,
      units.get(unit) ?? unit,
    );
    this.made.set(keyOf(name, kind), metric);
    return metric;
  }
}

function keyOf(name: string, kind: MetricKind): string {
  return `${kind} ${name}`;
}

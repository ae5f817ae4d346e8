export const metricKinds = ['counter', 'gauge', 'histogram'] as const;

export type MetricKind = (typeof metricKinds)[number];

/** A metric family, as an entry of metrics.yaml declares it. */
export interface MetricSpecification {
  kind: MetricKind;
  name: string;
  unit: string;
  /** Names of the labels; the last is the host's. */
  dimensions: readonly string[];
  /** Upper bounds of a histogram's buckets, without the infinite one; ascending. */
  buckets?: readonly number[];
}

/** The families of a metrics.yaml: counters, gauges and histograms, in this order. */
export interface MetricsConfiguration {
  /** `ts_metrics`: what the server measures. */
  system: readonly MetricSpecification[];
  /** `model_metrics`: what models and their handlers measure. */
  model: readonly MetricSpecification[];
}

/** Buckets of a histogram that declares none. */
export const defaultBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

/** The label that the families of models get at their end. */
export const hostDimension = 'Hostname';

/** What the names of metrics and labels must look like, in Prometheus and in log lines. */
export const namePattern = '^(?!__)[A-Za-z_][A-Za-z0-9_]*$';

/** What a unit must look like: log lines end it at a colon. */
export const unitPattern = '^[A-Za-z0-9_][A-Za-z0-9_ ]*$';

/** Names of metrics that are Sconce's own, whatever a configuration declares. */
const ownNames = /^(sconce|process|nodejs)_/;

/** The names under which samples of a family appear. */
function sampleNames({ kind, name }: Pick<MetricSpecification, 'kind' | 'name'>): string[] {
  if (kind !== 'histogram') return [name];
  return [name, `${name}_bucket`, `${name}_count`, `${name}_sum`];
}

/** The names that are taken: no two families of one scrape may share one. */
export class MetricNames {
  readonly #taken = new Map<string, string>();

  /** Takes a family's names; says what stands against it, if anything, and then takes none. */
  take(family: Pick<MetricSpecification, 'kind' | 'name'>): string | undefined {
    if (ownNames.test(family.name)) {
      return 'begins with sconce_, process_ or nodejs_, as the names of the server do';
    }
    const names = sampleNames(family);
    const other = names.map((name) => this.#taken.get(name)).find((name) => name !== undefined);
    if (other === family.name) return 'is declared twice';
    if (other !== undefined) return `has samples of the same name as the metric "${other}"`;
    for (const name of names) this.#taken.set(name, family.name);
    return undefined;
  }
}

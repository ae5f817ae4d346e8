import { Series } from './bound-histogram.js';
import type { Family, Slot } from './family.js';
import { javaDouble } from './java-double.js';
import { defaultBuckets, type MetricSpecification } from './specification.js';

/** A series that a scrape can read. It has no sample before its first update. */
abstract class Child implements Slot {
  /** How often it is bound. */
  users = 0;

  /** @param labels as they are written: `Level="Host",Hostname="h",` */
  constructor(readonly labels: string) {}

  abstract update(value: number): void;
  /** Its lines in the text format. */
  abstract lines(name: string): string[];
}

class CounterChild extends Child {
  #value: number | undefined;

  update(value: number): void {
    this.#value = (this.#value ?? 0) + value;
  }

  lines(name: string): string[] {
    return this.#value === undefined ? [] : [line(name, this.labels, this.#value)];
  }
}

class GaugeChild extends Child {
  #value: number | undefined;

  update(value: number): void {
    this.#value = value;
  }

  lines(name: string): string[] {
    return this.#value === undefined ? [] : [line(name, this.labels, this.#value)];
  }
}

class HistogramChild extends Child {
  readonly #series: Series;

  constructor(
    labels: string,
    private readonly bounds: readonly number[],
  ) {
    super(labels);
    this.#series = new Series({}, bounds);
  }

  update(value: number): void {
    this.#series.observe(value);
  }

  lines(name: string): string[] {
    const { labels } = this;
    const { counts, count, sum } = this.#series;
    if (count === 0) return [];
    const bucket = (bound: number, value: number) =>
      line(`${name}_bucket`, `${labels}le="${goDouble(bound)}",`, value);
    let cumulative = 0;
    const buckets = this.bounds.map((bound, i) => {
      cumulative += counts[i] ?? 0;
      return bucket(bound, cumulative);
    });
    return [
      ...buckets,
      bucket(Number.POSITIVE_INFINITY, count),
      line(`${name}_count`, labels, count),
      line(`${name}_sum`, labels, sum),
    ];
  }
}

/** A family in /metrics, written to the byte as TorchServe's Prometheus client writes it. */
export class ExposedFamily implements Family {
  readonly keeps = true;
  /** By their labels as they are written. */
  readonly #children = new Map<string, Child>();

  constructor(
    private readonly specification: MetricSpecification,
    private readonly hostname: string,
  ) {}

  bind(values: readonly string[]): Slot {
    const all = [...values, this.hostname];
    const labels = this.specification.dimensions
      .map((name, i) => `${name}="${escapeValue(all[i] ?? '')}",`)
      .join('');
    const child = this.#children.get(labels) ?? this.#create(labels);
    child.users += 1;
    this.#children.set(labels, child);
    return child;
  }

  release(slot: Slot): void {
    if (!(slot instanceof Child)) return;
    slot.users -= 1;
    if (slot.users === 0 && this.specification.kind === 'gauge') this.#children.delete(slot.labels);
  }

  /** Its text, which a family without samples has too. */
  text(): string {
    const { kind, name, unit } = this.specification;
    const help = `Torchserve prometheus ${kind} metric with unit: ${unit}`;
    const lines = [...this.#children.values()].flatMap((child) => child.lines(name));
    return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
  }

  #create(labels: string): Child {
    const { kind, buckets = defaultBuckets } = this.specification;
    if (kind === 'counter') return new CounterChild(labels);
    return kind === 'gauge' ? new GaugeChild(labels) : new HistogramChild(labels, buckets);
  }
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${goDouble(value)}\n`;
}

/** The text format takes its infinities from Go, and the rest from Java. */
function goDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : javaDouble(value);
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

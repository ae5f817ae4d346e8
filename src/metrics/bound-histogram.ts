import { Histogram, type HistogramConfiguration } from 'prom-client';

type Values = Awaited<ReturnType<Histogram['get']>>['values'];

/** One labelled series: observing it is a few additions and no look-up. */
export class Series {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(
    readonly labels: Record<string, string>,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    for (let i = 0; i < this.bounds.length; i += 1) {
      if (value <= (this.bounds[i] ?? 0)) {
        this.counts[i] = (this.counts[i] ?? 0) + 1;
        return;
      }
    }
  }
}

/**
 * A histogram whose series are bound to their labels once. prom-client builds a label set, hashes
 * it and looks it up for every observation, which costs more than the rest of a request's metrics.
 */
export class BoundHistogram extends Histogram {
  readonly #series = new Map<string, Series>();
  readonly #bounds: readonly number[];
  readonly #name: string;
  readonly #help: string;

  constructor(configuration: HistogramConfiguration<string> & { buckets: number[] }) {
    super(configuration);
    this.#bounds = configuration.buckets;
    this.#name = configuration.name;
    this.#help = configuration.help;
  }

  /** The series with these labels, the same one for the same labels. */
  bind(labels: Record<string, string>): Series {
    const key = JSON.stringify(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = new Series(labels, this.#bounds);
      this.#series.set(key, series);
    }
    return series;
  }

  /** What prom-client's registry asks a histogram for, and what its get() is made of. */
  getForPromString(): Promise<{
    name: string;
    help: string;
    type: 'histogram';
    aggregator: 'sum';
    values: Values;
  }> {
    return Promise.resolve({
      name: this.#name,
      help: this.#help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...this.#series.values()].flatMap((series) => this.#valuesOf(series)),
    });
  }

  #valuesOf({ labels, counts, sum, count }: Series): Values {
    const name = this.#name;
    let cumulative = 0;
    const buckets: Values = this.#bounds.map((bound, i) => {
      cumulative += counts[i] ?? 0;
      return { labels: { le: bound, ...labels }, value: cumulative, metricName: `${name}_bucket` };
    });
    return [
      ...buckets,
      { labels: { le: '+Inf', ...labels }, value: count, metricName: `${name}_bucket` },
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: count, metricName: `${name}_count` },
    ];
  }
}

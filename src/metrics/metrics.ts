import { Counter, Gauge, Registry } from 'prom-client';
import { BoundHistogram } from './bound-histogram.js';
import { metricDefinitions as definitions } from './definitions.js';

/** Metrics of one model version, with its labels bound once. */
export interface VersionMetrics {
  request(): void;
  /** @param seconds from arrival to reply */
  answered(seconds: number): void;
  failed(code: string): void;
  /** Times in microseconds. */
  batch(rows: number, queueMicroseconds: number, computeMicroseconds: number): void;
}

/** Where a gauge's value comes from when somebody asks. */
export interface GaugeSources {
  pending(): { modelName: string; modelVersion: string; count: number }[];
  slabBytes(): number;
}

/** The server's Prometheus metrics. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = this.#counter(definitions.requests);
  readonly #errors = this.#counter(definitions.errors);
  readonly #latency = this.#histogram(definitions.latency);
  readonly #queueTime = this.#histogram(definitions.queueTime);
  readonly #computeTime = this.#histogram(definitions.computeTime);
  readonly #batchRows = this.#histogram(definitions.batchRows);

  /** Counts that are kept outside the registry between scrapes, because adding them there costs more. */
  readonly #reports: (() => void)[] = [];

  /** Content type of text(). */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The registry's metrics in Prometheus text format. */
  text(): Promise<string> {
    for (const report of this.#reports) report();
    return this.#registry.metrics();
  }

  /** Lets gauges read their values at scrape time. */
  watch(sources: GaugeSources): void {
    const pending = definitions.pending;
    new Gauge({
      name: pending.name,
      help: pending.help,
      labelNames: pending.labels,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { modelName, modelVersion, count } of sources.pending()) {
          this.set({ model_name: modelName, model_version: modelVersion }, count);
        }
      },
    });
    const slabBytes = definitions.slabBytes;
    new Gauge({
      name: slabBytes.name,
      help: slabBytes.help,
      registers: [this.#registry],
      collect() {
        this.set(sources.slabBytes());
      },
    });
  }

  forVersion(modelName: string, modelVersion: string): VersionMetrics {
    const labels = { model_name: modelName, model_version: modelVersion };
    let unreported = 0;
    this.#reports.push(() => {
      this.#requests.inc(labels, unreported);
      unreported = 0;
    });
    const latency = this.#latency.bind(labels);
    const queueTime = this.#queueTime.bind(labels);
    const computeTime = this.#computeTime.bind(labels);
    const batchRows = this.#batchRows.bind(labels);
    return {
      request: () => {
        unreported += 1;
      },
      answered: (seconds) => latency.observe(seconds),
      failed: (code) => this.#errors.inc({ ...labels, code }),
      batch: (rows, queueMicroseconds, computeMicroseconds) => {
        batchRows.observe(rows);
        queueTime.observe(queueMicroseconds / 1e6);
        computeTime.observe(computeMicroseconds / 1e6);
      },
    };
  }

  #counter(definition: { name: string; help: string; labels: readonly string[] }) {
    return new Counter({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      registers: [this.#registry],
    });
  }

  #histogram(definition: {
    name: string;
    help: string;
    labels: readonly string[];
    buckets: readonly number[];
  }) {
    return new BoundHistogram({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      buckets: [...definition.buckets],
      registers: [this.#registry],
    });
  }
}

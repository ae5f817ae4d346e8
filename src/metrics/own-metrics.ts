import { Registry } from 'prom-client';
import { BoundCounter, type Count } from './bound-counter.js';
import { BoundHistogram, type Series } from './bound-histogram.js';
import { metricDefinitions as definitions } from './definitions.js';
import { DeviceMetrics, type DeviceStatistics } from './device-metrics.js';
import { type EventLoopDelay, EventLoopMonitor } from './event-loop-delay.js';
import type { GpuMonitor } from './gpu-monitor.js';
import {
  type Definition,
  type Labels,
  type Samples,
  scrapedCounter,
  scrapedGauge,
} from './scraped.js';

/** What a scrape asks of a model version. */
export interface VersionReading {
  modelName: string;
  modelVersion: string;
  /** `loading`, `ready` and the like. */
  state: string;
  instances: number;
  /** Requests that no instance has taken yet. */
  queued: number;
}

/** Where a gauge's value comes from when somebody asks. */
export interface GaugeSources {
  pending(): { modelName: string; modelVersion: string; count: number }[];
  slabBytes(): number;
  versions?(): VersionReading[];
}

/** Sconce's own series of one model version. */
export interface OwnVersionSeries {
  requests: Count;
  latency: Series;
  queueTime: Series;
  computeTime: Series;
  batchRows: Series;
  /** Counts an error with its code. */
  failed(code: string): void;
  /** @param seconds that an instance took to load */
  loaded(seconds: number): void;
  /** Removes what only a version that is there has. */
  retire(): void;
}

/** Sconce's own metrics, which /metrics has in every mode. */
export class OwnMetrics {
  readonly #registry = new Registry();
  readonly #eventLoop = new EventLoopMonitor();
  readonly #loadTimes = new Map<string, { labels: Labels; seconds: number }>();
  readonly #devices: DeviceMetrics;
  #sources: GaugeSources | undefined;
  #delay: EventLoopDelay = { mean: 0, p99: 0, max: 0 };

  readonly #requests = new BoundCounter(definitions.requests, this.#registry);
  readonly #errors = new BoundCounter(definitions.errors, this.#registry);
  readonly #latency = this.#histogram(definitions.latency);
  readonly #queueTime = this.#histogram(definitions.queueTime);
  readonly #computeTime = this.#histogram(definitions.computeTime);
  readonly #batchRows = this.#histogram(definitions.batchRows);

  /** @param statistics what was done on each GPU that was used */
  constructor(statistics: () => readonly DeviceStatistics[], gpus: GpuMonitor) {
    this.#versionGauges();
    this.#gauge(definitions.loadTime, () =>
      [...this.#loadTimes.values()].map(({ labels, seconds }) => [labels, seconds] as const),
    );
    this.#gauge(definitions.slabBytes, () => [[{}, this.#sources?.slabBytes() ?? 0]]);
    this.#devices = new DeviceMetrics(this.#registry, statistics, gpus);
    this.#processMetrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    await this.#devices.prepare();
    this.#delay = this.#eventLoop.take();
    return this.#registry.metrics();
  }

  /** Lets gauges read their values at scrape time. */
  watch(sources: GaugeSources): void {
    this.#sources = sources;
  }

  forVersion(modelName: string, modelVersion: string): OwnVersionSeries {
    const labels = { model_name: modelName, model_version: modelVersion };
    const errors = new Map<string, Count>();
    const key = JSON.stringify(labels);
    const loadTime = { labels, seconds: 0 };
    let retired = false;
    return {
      requests: this.#requests.bind(labels),
      latency: this.#latency.bind(labels),
      queueTime: this.#queueTime.bind(labels),
      computeTime: this.#computeTime.bind(labels),
      batchRows: this.#batchRows.bind(labels),
      failed: (code) => {
        const count = errors.get(code) ?? this.#errors.bind({ ...labels, code });
        errors.set(code, count);
        count.value += 1;
      },
      loaded: (seconds) => {
        if (retired) return;
        loadTime.seconds = seconds;
        this.#loadTimes.set(key, loadTime);
      },
      retire: () => {
        retired = true;
        // A version of the same name may have been loaded since.
        if (this.#loadTimes.get(key) === loadTime) this.#loadTimes.delete(key);
      },
    };
  }

  close(): void {
    this.#eventLoop.close();
  }

  #versionGauges(): void {
    this.#gauge(definitions.pending, () =>
      (this.#sources?.pending() ?? []).map((each) => [modelLabels(each), each.count] as const),
    );
    const versions = () => this.#sources?.versions?.() ?? [];
    this.#gauge(definitions.queued, () =>
      versions().map((version) => [modelLabels(version), version.queued] as const),
    );
    this.#gauge(definitions.instances, () =>
      versions().map((version) => [stateLabels(version), version.instances] as const),
    );
    this.#gauge(definitions.modelState, () =>
      versions().map((version) => [stateLabels(version), 1] as const),
    );
  }

  #processMetrics(): void {
    scrapedCounter(this.#registry, definitions.cpuSeconds, () => {
      const { user, system } = process.cpuUsage();
      return [[{}, (user + system) / 1e6]];
    });
    const started = Date.now() / 1000 - process.uptime();
    this.#gauge(definitions.residentBytes, () => [[{}, process.memoryUsage.rss()]]);
    this.#gauge(definitions.startTime, () => [[{}, started]]);
    this.#gauge(definitions.eventLoopMean, () => [[{}, this.#delay.mean]]);
    this.#gauge(definitions.eventLoopP99, () => [[{}, this.#delay.p99]]);
    this.#gauge(definitions.eventLoopMax, () => [[{}, this.#delay.max]]);
  }

  #gauge(definition: Definition, samples: Samples): void {
    scrapedGauge(this.#registry, definition, samples);
  }

  #histogram(definition: Definition & { buckets: readonly number[] }): BoundHistogram {
    return new BoundHistogram({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      buckets: [...definition.buckets],
      registers: [this.#registry],
    });
  }
}

function modelLabels(version: { modelName: string; modelVersion: string }): Labels {
  return { model_name: version.modelName, model_version: version.modelVersion };
}

function stateLabels(version: VersionReading): Labels {
  return { ...modelLabels(version), state: version.state };
}

import { hostname } from 'node:os';
import type { DeviceStatistics } from './device-metrics.js';
import type { Slot } from './family.js';
import { GpuMetrics } from './gpu-metrics.js';
import { GpuMonitor, type GpuState } from './gpu-monitor.js';
import { type GaugeSources, OwnMetrics } from './own-metrics.js';
import { onlySamples } from './sample-filter.js';
import type { MetricsConfiguration } from './specification.js';
import { SystemMetrics } from './system-metrics.js';
import { systemReadings } from './system-readings.js';
import { type MetricsLog, type MetricsMode, TorchServeMetrics } from './torchserve-metrics.js';
import { defaultMetricsConfiguration } from './torchserve-table.js';
import { BoundVersionMetrics, type HostSlots, type VersionMetrics } from './version-metrics.js';

export type { Gpu, GpuState } from './gpu-monitor.js';
export type { GaugeSources, VersionReading } from './own-metrics.js';
export type { MetricsLog, MetricsMode } from './torchserve-metrics.js';
export type { VersionMetrics } from './version-metrics.js';

/** Where the state of GPUs comes from. */
export interface GpuSource {
  /** Asks the driver for the GPUs of the machine; may take for ever. */
  read(): Promise<{ gpus: readonly GpuState[] }>;
  /** What was done on each GPU that was used. Asked at each scrape, and answered at once. */
  statistics(): readonly DeviceStatistics[];
}

export interface MetricsOptions {
  /** Where TorchServe's metrics go. */
  mode: MetricsMode;
  /** Which of TorchServe's metrics there are. */
  configuration: MetricsConfiguration;
  /** Whether handlers' metrics that the configuration does not declare are added to it. */
  autoDetect: boolean;
  /** What the host is called in labels and lines. */
  hostname: string;
  /** Takes the lines of the modes that log; without it no lines are made. */
  log: MetricsLog | undefined;
  /** Without it there are no metrics of GPUs. */
  gpus: GpuSource | undefined;
}

const noGpus: GpuSource = { read: async () => ({ gpus: [] }), statistics: () => [] };

type SystemMetricName = Parameters<TorchServeMetrics['system']>[0];

/** The server's metrics: TorchServe's, which may go to log lines, and Sconce's own. */
export class Metrics {
  /** The GPUs of the machine. */
  readonly gpus: GpuMonitor;
  readonly #own: OwnMetrics;
  readonly #torchServe: TorchServeMetrics;
  readonly #autoDetect: boolean;
  readonly #responses: { fine: Slot; refused: Slot; failed: Slot };
  readonly #host: HostSlots;
  readonly #system: SystemMetrics;

  constructor(options: Partial<MetricsOptions> = {}) {
    const gpus = options.gpus ?? noGpus;
    this.gpus = new GpuMonitor(() => gpus.read());
    this.#own = new OwnMetrics(() => gpus.statistics(), this.gpus);
    this.#autoDetect = options.autoDetect ?? false;
    this.#torchServe = new TorchServeMetrics({
      mode: options.mode ?? 'log',
      configuration: options.configuration ?? defaultMetricsConfiguration,
      hostname: options.hostname ?? hostname(),
      log: options.log,
    });
    const slot = (name: SystemMetricName) => this.#torchServe.system(name).bind(['Host']);
    this.#responses = {
      fine: slot('Requests2XX'),
      refused: slot('Requests4XX'),
      failed: slot('Requests5XX'),
    };
    this.#host = { queueTime: slot('QueueTime'), workerThreadTime: slot('WorkerThreadTime') };
    this.#system = new SystemMetrics(
      {
        CPUUtilization: slot('CPUUtilization'),
        MemoryUsed: slot('MemoryUsed'),
        MemoryAvailable: slot('MemoryAvailable'),
        MemoryUtilization: slot('MemoryUtilization'),
        DiskUsage: slot('DiskUsage'),
        DiskUtilization: slot('DiskUtilization'),
        DiskAvailable: slot('DiskAvailable'),
      },
      systemReadings(),
      new GpuMetrics(
        {
          GPUMemoryUtilization: this.#torchServe.system('GPUMemoryUtilization'),
          GPUMemoryUsed: this.#torchServe.system('GPUMemoryUsed'),
          GPUUtilization: this.#torchServe.system('GPUUtilization'),
        },
        this.gpus,
      ),
    );
  }

  /** Content type of text(). */
  get contentType(): string {
    return this.#own.contentType;
  }

  /**
   * The metrics in Prometheus text format: TorchServe's where they are exposed, then Sconce's own.
   *
   * @param names of the samples that are wanted; all when there are none
   */
  async text(names: readonly string[] = []): Promise<string> {
    const text = this.#torchServe.text() + (await this.#own.text());
    return names.length === 0 ? text : onlySamples(text, new Set(names));
  }

  /** Lets gauges read their values at scrape time. */
  watch(sources: GaugeSources): void {
    this.#own.watch(sources);
  }

  /** Counts an HTTP response of any listener. */
  response(status: number): void {
    const { fine, refused, failed } = this.#responses;
    if (status < 400) fine.update(1);
    else (status < 500 ? refused : failed).update(1);
  }

  /** The metrics of a version that is loaded, until it is retired. */
  forVersion(modelName: string, modelVersion: string): VersionMetrics {
    return new BoundVersionMetrics(
      modelName,
      modelVersion,
      this.#own.forVersion(modelName, modelVersion),
      this.#torchServe,
      this.#host,
      this.#autoDetect,
    );
  }

  /**
   * Measures the machine now, and at every interval from now on.
   *
   * @throws {SconceError} INVALID_CONFIGURATION for an interval that is not above 0
   */
  startSystemMetrics({ intervalSeconds }: { intervalSeconds: number }): void {
    this.#system.start(intervalSeconds);
  }

  /** Ends what measures by itself; what was measured can still be read. */
  close(): void {
    this.#system.close();
    this.#own.close();
  }
}

import type { Registry } from 'prom-client';
import { metricDefinitions as definitions } from './definitions.js';
import type { Gpu, GpuMonitor } from './gpu-monitor.js';
import { type Definition, scrapedCounter, scrapedGauge } from './scraped.js';

/** What the instances of this process have done on a GPU since the start. */
export interface DeviceStatistics {
  /** 'cuda:N' */
  device: string;
  batches: number;
  graphBatches: number;
  busySeconds: number;
  copyInSeconds: number;
  computeSeconds: number;
  copyOutSeconds: number;
  allocatedBytes: number;
  reservedBytes: number;
  graphBytes: number;
}

/** Sconce's own metrics of GPUs: what it did there, and what the driver says. */
export class DeviceMetrics {
  #gpus: readonly Gpu[] = [];

  constructor(
    registry: Registry,
    private readonly statistics: () => readonly DeviceStatistics[],
    private readonly monitor: GpuMonitor,
  ) {
    const count = (definition: Definition, valueIn: (device: DeviceStatistics) => number) =>
      scrapedCounter(registry, definition, () => this.#ofInstances(valueIn));
    count(definitions.deviceBatches, ({ batches }) => batches);
    count(definitions.deviceGraphBatches, ({ graphBatches }) => graphBatches);
    count(definitions.deviceBusy, ({ busySeconds }) => busySeconds);
    count(definitions.deviceCopyIn, ({ copyInSeconds }) => copyInSeconds);
    count(definitions.deviceCompute, ({ computeSeconds }) => computeSeconds);
    count(definitions.deviceCopyOut, ({ copyOutSeconds }) => copyOutSeconds);
    const hold = (definition: Definition, valueIn: (device: DeviceStatistics) => number) =>
      scrapedGauge(registry, definition, () => this.#ofInstances(valueIn));
    hold(definitions.deviceAllocated, ({ allocatedBytes }) => allocatedBytes);
    hold(definitions.deviceReserved, ({ reservedBytes }) => reservedBytes);
    hold(definitions.deviceGraphs, ({ graphBytes }) => graphBytes);
    const read = (definition: Definition, valueIn: (gpu: Gpu) => number | null) =>
      scrapedGauge(registry, definition, () => this.#ofDriver(valueIn));
    read(definitions.deviceMemoryUsed, ({ memoryUsedBytes }) => memoryUsedBytes);
    read(definitions.deviceMemoryTotal, ({ memoryTotalBytes }) => memoryTotalBytes);
    read(definitions.deviceUtilization, ({ utilization }) =>
      utilization === null ? null : utilization / 100,
    );
  }

  /** To be called before a scrape. */
  async prepare(): Promise<void> {
    this.#gpus = await this.monitor.read();
  }

  #ofInstances(valueIn: (device: DeviceStatistics) => number) {
    return this.statistics().map((each) => [{ device: each.device }, valueIn(each)] as const);
  }

  #ofDriver(valueIn: (gpu: Gpu) => number | null) {
    return this.#gpus.flatMap((gpu) => {
      const value = valueIn(gpu);
      return value === null ? [] : [[{ device: `cuda:${gpu.id}` }, value] as const];
    });
  }
}

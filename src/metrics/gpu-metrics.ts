import type { Family, Slot } from './family.js';
import { type Gpu, type GpuMonitor, longestReading } from './gpu-monitor.js';

const mebibyte = 1024 ** 2;

const gpuMetricNames = ['GPUMemoryUtilization', 'GPUMemoryUsed', 'GPUUtilization'] as const;

type GpuFamilies = Record<(typeof gpuMetricNames)[number], Family>;

/** TorchServe's metrics of GPUs: none where there is no GPU. */
export class GpuMetrics {
  readonly #memoryShares: DeviceGauge;
  readonly #memory: DeviceGauge;
  readonly #shares: DeviceGauge;
  #measuring = false;
  #closed = false;

  constructor(
    families: GpuFamilies,
    private readonly monitor: GpuMonitor,
  ) {
    this.#memoryShares = new DeviceGauge(families.GPUMemoryUtilization);
    this.#memory = new DeviceGauge(families.GPUMemoryUsed);
    this.#shares = new DeviceGauge(families.GPUUtilization);
  }

  /** A GPU that cannot be read any more has no samples any more. Never rejects. */
  async measure(): Promise<void> {
    // A driver that does not answer must not pile up measurements.
    if (this.#measuring) return;
    this.#measuring = true;
    const gpus = await this.monitor.read(longestReading);
    this.#measuring = false;
    if (this.#closed) return;
    this.#memoryShares.update(gpus, memoryShare);
    this.#memory.update(gpus, ({ memoryUsedBytes }) => mebibytes(memoryUsedBytes));
    this.#shares.update(gpus, ({ utilization }) => utilization);
  }

  /** A measurement that is under way changes nothing any more. */
  close(): void {
    this.#closed = true;
  }
}

/** One of them, with a series for each GPU. */
class DeviceGauge {
  /** By the number of the GPU. */
  readonly #slots = new Map<number, Slot>();

  constructor(private readonly family: Family) {}

  update(gpus: readonly Gpu[], valueIn: (gpu: Gpu) => number | null): void {
    const values = new Map(gpus.map((gpu) => [gpu.id, valueIn(gpu)] as const));
    for (const [id, slot] of this.#slots) {
      if ((values.get(id) ?? null) !== null) continue;
      this.#slots.delete(id);
      this.family.release(slot);
    }
    for (const [id, value] of values) {
      if (value !== null) this.#slot(id).update(value);
    }
  }

  #slot(id: number): Slot {
    const slot = this.#slots.get(id) ?? this.family.bind(['Host', String(id)]);
    this.#slots.set(id, slot);
    return slot;
  }
}

/** Of the whole megabytes that nvidia-smi prints, in percent and not rounded, as TorchServe has it. */
function memoryShare({ memoryUsedBytes, memoryTotalBytes }: Gpu): number {
  const total = mebibytes(memoryTotalBytes);
  return total > 0 ? (100 * mebibytes(memoryUsedBytes)) / total : 0;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / mebibyte);
}

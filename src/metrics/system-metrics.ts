import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import type { Slot } from './family.js';
import type { GpuMetrics } from './gpu-metrics.js';
import type { CpuTimes, Disk, Memory, SystemReadings } from './system-readings.js';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

export const systemMetricNames = [
  'CPUUtilization',
  'MemoryUsed',
  'MemoryAvailable',
  'MemoryUtilization',
  'DiskUsage',
  'DiskUtilization',
  'DiskAvailable',
] as const;

export type SystemSlots = Record<(typeof systemMetricNames)[number], Slot>;

/** Measures the machine at intervals, without a process of its own. */
export class SystemMetrics {
  #timer: NodeJS.Timeout | undefined;
  /** Nothing, so that the first share is that of all the time since the machine started. */
  #lastCpu: CpuTimes = { busy: [], idle: [] };
  #measuring = false;
  #closed = false;

  constructor(
    private readonly slots: SystemSlots,
    private readonly readings: SystemReadings,
    private readonly gpus?: GpuMetrics,
  ) {}

  /**
   * Measures now and at every interval, which does not keep the process alive.
   *
   * @throws {SconceError} INVALID_CONFIGURATION for an interval that is not above 0
   */
  start(intervalSeconds: number): void {
    if (!(intervalSeconds > 0)) {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `Invalid configuration: the interval of the system metrics must be above 0 seconds, not ${intervalSeconds}`,
      );
    }
    clearInterval(this.#timer);
    this.#closed = false;
    const milliseconds = Math.min(intervalSeconds * 1000, longestTimer);
    this.#timer = setInterval(() => this.#measureAll(), milliseconds).unref();
    this.#measureAll();
  }

  /** All but the GPUs. What cannot be read is left as it was. Never rejects. */
  async measure(): Promise<void> {
    // A file system that does not answer must not pile up readings.
    if (this.#measuring) return;
    this.#measuring = true;
    const { readings } = this;
    await Promise.allSettled([
      readings.cpu().then((cpu) => this.#closed || this.#cpu(cpu)),
      readings.memory().then((memory) => this.#closed || this.#memory(memory)),
      readings.disk().then((disk) => this.#closed || this.#disk(disk)),
    ]);
    this.#measuring = false;
  }

  /** Ends it; a reading that is under way changes nothing any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    this.gpus?.close();
  }

  /** Nobody waits for the GPUs: their driver may take seconds. */
  #measureAll(): void {
    void this.measure();
    void this.gpus?.measure();
  }

  #cpu(now: CpuTimes): void {
    const busy = sumOfIncreases(now.busy, this.#lastCpu.busy);
    const idle = sumOfIncreases(now.idle, this.#lastCpu.idle);
    this.#lastCpu = now;
    this.slots.CPUUtilization.update(percent(busy, busy + idle));
  }

  #memory({ total, used, available }: Memory): void {
    this.slots.MemoryUsed.update(used / mebibyte);
    this.slots.MemoryAvailable.update(available / mebibyte);
    this.slots.MemoryUtilization.update(percent(total - available, total));
  }

  #disk({ used, available }: Disk): void {
    this.slots.DiskUsage.update(used / gibibyte);
    this.slots.DiskUtilization.update(percent(used, used + available));
    this.slots.DiskAvailable.update(available / gibibyte);
  }
}

function sumOfIncreases(now: readonly number[], before: readonly number[]): number {
  return now.reduce((sum, value, i) => sum + Math.max(0, value - (before[i] ?? 0)), 0);
}

/** A share in percent, to one decimal; 0 of nothing. */
function percent(part: number, whole: number): number {
  return whole > 0 ? Number(((part / whole) * 100).toFixed(1)) : 0;
}

import { setTimeout as delay } from 'node:timers/promises';

/** What the driver says of a GPU. */
export interface GpuState {
  /** As nvidia-smi counts. */
  index: number;
  /** The N of cuda:N; null when this process does not see the GPU. */
  deviceId: number | null;
  memoryUsedBytes: number;
  memoryTotalBytes: number;
  /** Percent of the time in which kernels ran; null where it is not told. */
  utilization: number | null;
  /** Percent of the time in which memory was read or written; null where it is not told. */
  memoryUtilization: number | null;
}

/** A GPU under the number that models are placed by. */
export interface Gpu extends GpuState {
  /** The N of cuda:N. */
  id: number;
}

/** Milliseconds that somebody waits for the driver who has others waiting. */
const patience = 1000;

/** Milliseconds after which a driver that has not answered counts as one that never will. */
export const longestReading = 30_000;

/** The GPUs as the driver last told. It is asked by one reading at a time, however long that takes. */
export class GpuMonitor {
  #gpus: readonly Gpu[] = [];
  #reading: { since: number; done: Promise<void> } | undefined;

  /**
   * @param source asks the driver; may take for ever
   * @param now milliseconds
   */
  constructor(
    private readonly source: () => Promise<{ gpus: readonly GpuState[] }>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The GPUs as they are now, or as they were when the driver does not answer in time; none when it
   * cannot be asked. Never rejects, and does not keep the process alive.
   *
   * @param wait milliseconds
   */
  async read(wait = patience): Promise<readonly Gpu[]> {
    const { since, done } = this.#begin();
    const rest = since + wait - this.now();
    if (rest > 0) await within(done, rest);
    // What is long past would be shown as if it were so now.
    if (this.#reading?.done === done && this.now() - since >= longestReading) this.#gpus = [];
    return this.#gpus;
  }

  /** The reading that is under way, or a new one. */
  #begin(): { since: number; done: Promise<void> } {
    this.#reading ??= {
      since: this.now(),
      done: this.#ask().finally(() => {
        this.#reading = undefined;
      }),
    };
    return this.#reading;
  }

  async #ask(): Promise<void> {
    try {
      this.#gpus = numbered((await this.source()).gpus);
    } catch {
      this.#gpus = [];
    }
  }
}

/**
 * GPUs by the numbers of this process. One that sees none by itself, in a build without CUDA, has
 * those of the driver: its Python workers count so.
 */
function numbered(gpus: readonly GpuState[]): Gpu[] {
  const seen = gpus.flatMap((gpu) => (gpu.deviceId === null ? [] : [{ ...gpu, id: gpu.deviceId }]));
  return seen.length > 0 ? seen : gpus.map((gpu) => ({ ...gpu, id: gpu.index }));
}

async function within(done: Promise<void>, milliseconds: number): Promise<void> {
  const over = new AbortController();
  const limit = delay(milliseconds, undefined, { ref: false, signal: over.signal });
  await Promise.race([done, limit.catch(() => {})]);
  over.abort();
}

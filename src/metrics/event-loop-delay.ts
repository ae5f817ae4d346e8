import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks at the loop. */
const resolution = 20;

/** Seconds. */
export interface EventLoopDelay {
  mean: number;
  p99: number;
  max: number;
}

/** How late timers of the main loop are. Does not keep the process alive. */
export class EventLoopMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution });

  constructor() {
    this.#histogram.enable();
  }

  /** The delays since the last call. */
  take(): EventLoopDelay {
    const { mean, max } = this.#histogram;
    const p99 = this.#histogram.percentile(99);
    this.#histogram.reset();
    return { mean: delay(mean), p99: delay(p99), max: delay(max) };
  }

  close(): void {
    this.#histogram.disable();
  }
}

/** The histogram holds the times between two looks, in nanoseconds; it is not a number when empty. */
function delay(nanoseconds: number): number {
  const late = nanoseconds / 1e9 - resolution / 1000;
  return late > 0 ? late : 0;
}

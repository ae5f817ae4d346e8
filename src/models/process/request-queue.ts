import { ArrivalQueue } from '../../collections/arrival-queue.js';
import type { SconceError } from '../../errors.js';
import { longestTimer } from '../../timers.js';
import type { Prediction } from '../prediction.js';

export interface RequestQueueOptions {
  /** Most requests that wait. */
  limit: number;
  /** When a request has waited for too long, in performance.now() milliseconds; never is infinite. */
  deadlineOf(prediction: Prediction): number;
  /** What it is told then. */
  late(prediction: Prediction): SconceError;
}

/** Requests that wait for a worker, oldest first. Each is taken, expires, or is cancelled. */
export class RequestQueue {
  readonly #waiting = new ArrivalQueue<Prediction>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RequestQueueOptions) {}

  get count(): number {
    return this.#waiting.size;
  }

  get oldest(): Prediction | undefined {
    return this.#waiting.first;
  }

  /** False when it is full. */
  offer(prediction: Prediction): boolean {
    if (this.count >= this.options.limit) return false;
    const entry = this.#waiting.add(prediction);
    prediction.onOver(() => this.#waiting.delete(entry));
    if (this.#timer === undefined) this.watch();
    return true;
  }

  /** The oldest ones, for one batch: two that have the same id cannot be told apart in it. */
  take(most: number): Prediction[] {
    const taken: Prediction[] = [];
    const late: Prediction[] = [];
    const ids = new Set<string>();
    const now = performance.now();
    for (const entry of this.#waiting.entries()) {
      const { member: prediction } = entry;
      if (taken.length >= most) break;
      if (ids.has(prediction.request.id)) continue;
      this.#waiting.delete(entry);
      if (this.options.deadlineOf(prediction) <= now) {
        late.push(prediction);
        continue;
      }
      ids.add(prediction.request.id);
      taken.push(prediction);
    }
    // Only now: whoever hears of it may take others out.
    for (const prediction of late) prediction.failed(this.options.late(prediction));
    return taken;
  }

  /** Answers all that wait. */
  refuse(error: () => SconceError): void {
    const waiting = this.#waiting.takeAll();
    this.watch();
    for (const prediction of waiting) prediction.failed(error());
  }

  /** Looks at the deadlines, now and whenever the next one is due. To be called when they change. */
  watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    for (;;) {
      const { oldest } = this;
      if (oldest === undefined) return;
      // Whoever came later has a later deadline.
      const wait = this.options.deadlineOf(oldest) - now;
      if (wait > 0) {
        this.#wake(wait);
        return;
      }
      this.#waiting.shift();
      oldest.failed(this.options.late(oldest));
    }
  }

  #wake(milliseconds: number): void {
    if (milliseconds === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.watch(), Math.min(longestTimer, Math.ceil(milliseconds)));
    this.#timer.unref();
  }
}

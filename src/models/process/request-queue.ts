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
  readonly #waiting = new Set<Prediction>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RequestQueueOptions) {}

  get count(): number {
    return this.#waiting.size;
  }

  get oldest(): Prediction | undefined {
    const [oldest] = this.#waiting;
    return oldest;
  }

  /** False when it is full. */
  offer(prediction: Prediction): boolean {
    if (this.count >= this.options.limit) return false;
    this.#waiting.add(prediction);
    prediction.onOver(() => this.#waiting.delete(prediction));
    if (this.#timer === undefined) this.watch();
    return true;
  }

  /** The oldest ones, for one batch: two that have the same id cannot be told apart in it. */
  take(most: number): Prediction[] {
    const taken: Prediction[] = [];
    const ids = new Set<string>();
    const now = performance.now();
    for (const prediction of this.#waiting) {
      if (taken.length >= most) break;
      if (ids.has(prediction.request.id)) continue;
      this.#waiting.delete(prediction);
      if (this.options.deadlineOf(prediction) <= now) {
        prediction.failed(this.options.late(prediction));
        continue;
      }
      ids.add(prediction.request.id);
      taken.push(prediction);
    }
    return taken;
  }

  /** Answers all that wait. */
  refuse(error: () => SconceError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.watch();
    for (const prediction of waiting) prediction.failed(error());
  }

  /** Looks at the deadlines, now and whenever the next one is due. To be called when they change. */
  watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    for (const prediction of this.#waiting) {
      // Whoever came later has a later deadline.
      const wait = this.options.deadlineOf(prediction) - now;
      if (wait > 0) {
        this.#wake(wait);
        return;
      }
      this.#waiting.delete(prediction);
      prediction.failed(this.options.late(prediction));
    }
  }

  #wake(milliseconds: number): void {
    if (milliseconds === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.watch(), Math.min(longestTimer, Math.ceil(milliseconds)));
    this.#timer.unref();
  }
}

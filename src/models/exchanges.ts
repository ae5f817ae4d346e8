import { UnorderedSet } from '../collections/unordered-set.js';
import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import { type ExchangeContext, PredictionExchange } from './exchange.js';
import type { Prediction } from './prediction.js';

export interface ExchangesOptions extends Omit<ExchangeContext, 'ended'> {
  modelName: string;
  modelVersion: string;
  /** Milliseconds from the arrival of a request to its answer. */
  responseTimeout: number;
  /** Milliseconds within which its rows must be on their way to a batch; 0 for none. */
  clientTimeout: number;
}

/** The requests of an execution that are with its handler's threads, and their deadlines. */
export class Exchanges {
  readonly #open = new UnorderedSet<PredictionExchange>();
  readonly #context: ExchangeContext;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #drained: (() => void) | undefined;

  constructor(private readonly options: ExchangesOptions) {
    this.#context = {
      assembler: options.assembler,
      explainer: options.explainer,
      rowShape: options.rowShape,
      showReasons: options.showReasons,
      ended: (exchange) => this.#ended(exchange),
    };
  }

  /** Requests that are not answered to their last chunk. */
  get size(): number {
    return this.#open.size;
  }

  open(prediction: Prediction): PredictionExchange {
    const deadline = prediction.since + this.options.responseTimeout;
    const exchange = new PredictionExchange(prediction, deadline, this.#context);
    this.#open.add(exchange);
    const due = this.#dueOf(exchange);
    if (due < this.#due) this.#watch(due);
    return exchange;
  }

  /** Answers all of them with an error. */
  fail(error: SconceError): void {
    for (const exchange of this.#open.all) exchange.fail(error);
  }

  /** Resolves when none is open. */
  async drained(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #ended(exchange: PredictionExchange): void {
    this.#open.delete(exchange);
    if (this.#open.size > 0) return;
    this.#watch(Number.POSITIVE_INFINITY);
    this.#drained?.();
  }

  #watch(due: number): void {
    clearTimeout(this.#timer);
    this.#due = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(longestTimer, Math.max(1, due - performance.now()));
    this.#timer = setTimeout(() => this.#expire(), delay).unref();
  }

  /** When an exchange is next to be looked at. A stream has its own time for each chunk. */
  #dueOf({ prediction, deadline, streams, hasRows }: PredictionExchange): number {
    if (streams) return Number.POSITIVE_INFINITY;
    const { clientTimeout } = this.options;
    // What has rows in a batch is watched there.
    if (clientTimeout === 0 || hasRows) return deadline;
    return Math.min(prediction.since + clientTimeout, deadline);
  }

  #expire(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const exchange of this.#open.all) {
      if (exchange.over) continue;
      const due = this.#dueOf(exchange);
      if (due <= now) exchange.fail(this.#late(exchange, now));
      else next = Math.min(next, due);
    }
    this.#watch(next);
  }

  #late({ deadline }: PredictionExchange, now: number): SconceError {
    const { modelName, modelVersion, clientTimeout, responseTimeout } = this.options;
    return deadline <= now
      ? new SconceError('RESPONSE_TIMEOUT', modelName, modelVersion, responseTimeout)
      : new SconceError('CLIENT_TIMEOUT', modelName, modelVersion, clientTimeout);
  }
}

import type { Assembler, Load } from '../batching/assembler.js';
import { SconceError, toHandlerError, toSconceError } from '../errors.js';
import type { Explainer, Handler, PreparedRows, RowHandler } from '../handlers/handler.js';
import { Exchanges } from './exchanges.js';
import type { Prediction } from './prediction.js';
import { limitTime } from './request-deadline.js';

export interface ServingOptions {
  modelName: string;
  modelVersion: string;
  jobQueueSize: number;
  /** Seconds. */
  responseTimeout: number;
  /** Milliseconds in the queue; 0 for as long as it takes. */
  clientTimeout: number;
  /** Refuse what no idle instance can take at once. */
  useJobTicket: boolean;
  /** Whether clients read what a handler throws. */
  handlerErrors: boolean;
  /** Instances that there are to be. */
  instances(): number;
}

/** The requests of a loaded model, from its handler to its batches and back. */
export class Serving {
  readonly #exchanges: Exchanges;
  /** Requests that are worked on outside of the batches and of threads. */
  #preparing = 0;
  #prepared: (() => void) | undefined;
  /** Why nothing is answered any more. */
  #failure: SconceError | undefined;

  constructor(
    readonly handler: Handler,
    readonly assembler: Assembler,
    private readonly explainer: Explainer,
    private readonly options: ServingOptions,
  ) {
    const { rowShape } = handler;
    const { modelName, modelVersion, responseTimeout, clientTimeout, handlerErrors } = options;
    this.#exchanges = new Exchanges({
      assembler,
      explainer,
      rowShape,
      showReasons: handlerErrors,
      modelName,
      modelVersion,
      responseTimeout: responseTimeout * 1000,
      clientTimeout,
    });
  }

  /** Requests that are not answered. */
  get pending(): number {
    // Rows of exchanges belong to requests that are counted already.
    const isThreaded = this.handler.kind === 'requests';
    return this.#preparing + (isThreaded ? this.#exchanges.size : this.assembler.pending);
  }

  /** Requests that no instance, and no thread of the handler, has taken yet. */
  get queued(): number {
    const waiting = this.handler.kind === 'requests' ? this.handler.queued : 0;
    return this.#preparing + waiting + this.assembler.queued;
  }

  get load(): Load {
    return this.assembler.load;
  }

  /** Answers a request through its sink; never throws. */
  predict(prediction: Prediction): void {
    if (prediction.over) return;
    try {
      this.#admit();
      const { handler } = this;
      if (handler.kind === 'requests') handler.handle(this.#exchanges.open(prediction));
      else if (prediction.request.explain === true) this.#explain(prediction, handler);
      else this.#preprocess(prediction, handler);
    } catch (error) {
      prediction.failed(toHandlerError(error));
    }
  }

  /** Answers everything with an error, now and from now on. */
  fail(error: SconceError): void {
    this.#failure = error;
    this.#exchanges.fail(error);
    this.assembler.fail(error);
  }

  /** Resolves when no request is with the handler. */
  async drained(): Promise<void> {
    if (this.#preparing > 0) {
      await new Promise<void>((resolve) => {
        this.#prepared = resolve;
      });
    }
    await this.#exchanges.drained();
  }

  #admit(): void {
    const { modelName, useJobTicket, jobQueueSize, instances } = this.options;
    // Rows that are ready to be placed are refused by the assembler.
    const isQueue = this.#preparing > 0 || this.handler.kind === 'requests';
    const isFull =
      (useJobTicket && this.pending >= instances()) || (isQueue && this.queued >= jobQueueSize);
    if (isFull) throw new SconceError('NO_CAPACITY', modelName);
  }

  #explain(prediction: Prediction, handler: RowHandler): void {
    if (handler.explain === undefined) {
      throw new SconceError(
        'EXPLANATION_UNSUPPORTED',
        'the handler of this model explains nothing',
      );
    }
    const explained = handler.explain(prediction.request, this.explainer);
    this.#count(
      prediction,
      explained.then((reply) => prediction.replied(reply, 0)),
    );
  }

  #preprocess(prediction: Prediction, handler: RowHandler): void {
    const { request } = prediction;
    const prepared = request.prepared ?? handler.preprocess(request);
    if (!(prepared instanceof Promise)) {
      this.#submit(prediction, prepared);
      return;
    }
    this.#count(
      prediction,
      prepared.then((rows) => this.#submit(prediction, rows)),
    );
  }

  /** Counts a request while it is worked on outside of the batches. */
  #count(prediction: Prediction, work: Promise<void>): void {
    this.#preparing += 1;
    work
      .catch((error) => prediction.failed(toHandlerError(error)))
      .finally(() => {
        this.#preparing -= 1;
        if (this.#preparing === 0) this.#prepared?.();
      });
  }

  #submit(prediction: Prediction, prepared: PreparedRows): void {
    const { key, inputs, rows, timeout } = prepared;
    if (timeout !== undefined) {
      const { modelName, modelVersion } = this.options;
      limitTime(prediction, timeout, modelName, modelVersion);
    }
    if (prediction.over) return;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const { since, wantedBy } = prediction;
      const reservation = this.assembler.reserve(key, inputs, rows, prediction, since, wantedBy);
      try {
        prepared.store(reservation.slab.memory, reservation.offsets());
      } catch (error) {
        reservation.discard();
        throw error;
      }
      prediction.place(prepared, reservation);
      reservation.commit();
      prediction.request.releaseBody?.();
    } catch (error) {
      prediction.failed(toSconceError(error));
    }
  }
}

import type { Assembler } from '../batching/assembler.js';
import type { Reservation } from '../batching/reservation.js';
import { type Placed, UnorderedSet } from '../collections/unordered-set.js';
import { type ErrorCode, SconceError, toHandlerError } from '../errors.js';
import {
  type Attributions,
  type Exchange,
  type Explainer,
  type ExplanationRequest,
  type HandlerReply,
  type HandlerRequest,
  isStream,
  type PlacedRows,
  type PreparedRows,
  type RowOutputs,
  replyWith,
} from '../handlers/handler.js';
import { rowKey, type TensorSpec } from '../tensors/tensor-spec.js';
import type { Prediction } from './prediction.js';
import { RowsRun } from './rows-run.js';
import { WatchedStream } from './watched-stream.js';

/** Errors whose reasons are what the code of a handler says. */
const ofHandlers: ReadonlySet<ErrorCode> = new Set([
  'HANDLER_FAILED',
  'WORKER_DIED',
  'WORKER_OUT_OF_MEMORY',
]);

/** What exchanges of an execution have in common. */
export interface ExchangeContext {
  readonly assembler: Assembler;
  readonly explainer: Explainer;
  /** The row shape, when it is known beforehand. */
  readonly rowShape: readonly TensorSpec[] | undefined;
  /** Whether clients read what a handler throws. */
  readonly showReasons: boolean;
  /** Called once, when the request is answered to its last chunk or given up. */
  ended(exchange: PredictionExchange): void;
}

/** A prediction in the hands of a handler that runs elsewhere. */
export class PredictionExchange implements Exchange, Placed {
  /** Among those that are open. */
  place: number | undefined;
  readonly #runs = new UnorderedSet<RowsRun>();
  readonly #listeners: (() => void)[] = [];
  #queueMicroseconds = 0;
  #hasEnded = false;
  #hasRows = false;
  /** True while chunks of the reply are awaited. */
  #streams = false;

  /** @param deadline performance.now() milliseconds */
  constructor(
    readonly prediction: Prediction,
    readonly deadline: number,
    private readonly context: ExchangeContext,
  ) {
    // A stream goes on behind its head, which is the answer.
    prediction.onOver(() => {
      if (!this.#streams) this.#end();
    });
  }

  get request(): HandlerRequest {
    return this.prediction.request;
  }

  get over(): boolean {
    return this.#hasEnded;
  }

  /** True once rows of it were on their way to a batch. */
  get hasRows(): boolean {
    return this.#hasRows;
  }

  /** True while the reply goes out in chunks. */
  get streams(): boolean {
    return this.#streams;
  }

  onOver(listener: () => void): void {
    this.#listeners.push(listener);
  }

  reserve(rows: number): PlacedRows {
    const { rowShape } = this.context;
    if (rowShape === undefined) throw new SconceError('INTERNAL', 'no row shape is known');
    const { run, reservation } = this.#reserve(rowKey(rowShape), rowShape, rows);
    return {
      memory: reservation.slab.memory,
      offsets: [...reservation.offsets()],
      run: () => {
        reservation.commit();
        return run.promise;
      },
      discard: () => {
        reservation.discard();
        run.cancel();
      },
    };
  }

  async run({
    rows,
    key,
    inputs,
    store,
  }: Pick<PreparedRows, 'rows' | 'key' | 'inputs' | 'store'>): Promise<RowOutputs> {
    const { run, reservation } = this.#reserve(key, inputs, rows);
    try {
      store(reservation.slab.memory, reservation.offsets());
    } catch (error) {
      reservation.discard();
      run.cancel();
      throw error;
    }
    reservation.commit();
    return run.promise;
  }

  attribute(request: ExplanationRequest): Promise<Attributions> {
    return this.context.explainer.attribute(request);
  }

  reply(reply: HandlerReply): void {
    if (this.#hasEnded) return;
    const { body } = reply;
    if (!isStream(body)) {
      this.prediction.replied(reply, this.#queueMicroseconds);
      return;
    }
    this.#streams = true;
    const failed = (thrown: unknown): SconceError => {
      const error = toHandlerError(thrown);
      this.prediction.streamFailed(error);
      return this.#shown(error);
    };
    const watched = new WatchedStream(body, () => this.#end(), failed);
    const release = (): void => watched.abandon();
    this.prediction.replied(replyWith(reply, watched), this.#queueMicroseconds, release);
  }

  fail(error: SconceError): void {
    this.prediction.failed(error, this.#shown(error));
  }

  /** What the client gets, which may be less than the log. */
  #shown(error: SconceError): SconceError {
    const hides = !this.context.showReasons && ofHandlers.has(error.code);
    return hides ? new SconceError(error.code) : error;
  }

  #reserve(
    key: string,
    inputs: readonly TensorSpec[],
    rows: number,
  ): { run: RowsRun; reservation: Reservation } {
    if (this.#hasEnded) throw new SconceError('REQUEST_CANCELLED');
    const { prediction } = this;
    const run = new RowsRun(prediction.requestId, rows, (settled, queueMicroseconds) => {
      this.#runs.delete(settled);
      this.#queueMicroseconds += queueMicroseconds;
    });
    const { assembler } = this.context;
    const { since, wantedBy } = prediction;
    const reservation = assembler.reserve(key, inputs, rows, run, since, wantedBy);
    run.reservation = reservation;
    this.#runs.add(run);
    this.#hasRows = true;
    return { run, reservation };
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const run of this.#runs.all) run.cancel();
    for (const listener of this.#listeners.splice(0)) listener();
    this.context.ended(this);
  }
}

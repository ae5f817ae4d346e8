import type { Reservation, RowsOwner } from '../batching/reservation.js';
import { type ErrorCode, SconceError, toHandlerError } from '../errors.js';
import type { HandlerReply, HandlerRequest, PreparedRows } from '../handlers/handler.js';
import type { Log } from '../logging/log.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import type { BatchOutputs } from '../tensors/batch-outputs.js';

/** Who asked. Exactly one of the two is called, once; neither after Prediction.cancel(). */
export interface PredictionSink {
  /** Call `release` when the body has been written: it may lie in memory that is reused then. */
  reply(reply: HandlerReply, release: () => void): void;
  fail(error: SconceError): void;
}

/** Failures that are not the client's: somebody will look for them in the log. */
const faults: ReadonlySet<ErrorCode> = new Set([
  'MODEL_FAILED',
  'INVALID_OUTPUT',
  'OUT_OF_MEMORY',
  'WRITER_TIMEOUT',
  'RESPONSE_TIMEOUT',
  'INTERNAL',
]);

/** One request on its way through a model version. */
export class Prediction implements RowsOwner {
  /** When the request arrived, in performance.now() milliseconds. */
  readonly since = performance.now();
  #reservation: Reservation | undefined;
  #prepared: PreparedRows | undefined;
  #metrics: VersionMetrics | undefined;
  #log: Log | undefined;
  #over = false;

  /**
   * @param model the name the client asked for
   * @param version the version the client asked for, if it named one
   */
  constructor(
    readonly model: string,
    readonly version: string | undefined,
    readonly request: HandlerRequest,
    private readonly sink: PredictionSink,
  ) {}

  get requestId(): string {
    return this.request.id;
  }

  /** True when nobody waits for the answer any more, because it was given or not wanted. */
  get over(): boolean {
    return this.#over;
  }

  /** The request found its version: from here on it is counted and logged there. */
  admit(metrics: VersionMetrics, log: Log): void {
    this.#metrics = metrics;
    this.#log = log;
    metrics.request(this.version !== undefined);
  }

  /** The request's rows have a place in a slab. */
  place(prepared: PreparedRows, reservation: Reservation): void {
    this.#prepared = prepared;
    this.#reservation = reservation;
  }

  /** The client has gone: its rows are withdrawn and the sink hears nothing more. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#metrics?.failed('REQUEST_CANCELLED');
    this.#reservation?.cancel();
  }

  answered(outputs: BatchOutputs, firstRow: number): void {
    if (this.#prepared === undefined) {
      outputs.release();
      return;
    }
    let reply: HandlerReply | Promise<HandlerReply>;
    try {
      reply = this.#prepared.postprocess(outputs, firstRow);
    } catch (error) {
      outputs.release();
      this.failed(toHandlerError(error));
      return;
    }
    if (!(reply instanceof Promise)) {
      this.#reply(reply, outputs);
      return;
    }
    reply.then(
      (written) => this.#reply(written, outputs),
      (error) => {
        outputs.release();
        this.failed(toHandlerError(error));
      },
    );
  }

  failed(error: SconceError): void {
    if (this.#over) return;
    this.#over = true;
    this.#metrics?.failed(error.code);
    if (faults.has(error.code)) {
      this.#log?.warn({ requestId: this.requestId, code: error.code }, error.message);
    }
    const refused = error.code === 'NO_CAPACITY' && this.version !== undefined;
    this.sink.fail(
      refused ? new SconceError('NO_CAPACITY_VERSION', this.model, this.version) : error,
    );
  }

  #reply(reply: HandlerReply, outputs: BatchOutputs): void {
    if (this.#over) {
      outputs.release();
      return;
    }
    this.#over = true;
    this.#metrics?.answered(
      performance.now() - this.since,
      outputs.queueMicroseconds,
      this.version !== undefined,
    );
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      outputs.release();
    };
    // Text was made from the outputs, bytes may still lie in them.
    if (typeof reply.body === 'string') release();
    try {
      this.sink.reply(reply, release);
    } catch (error) {
      release();
      throw error;
    }
  }
}

import type { Reservation, RowsOwner } from '../batching/reservation.js';
import { type ErrorCode, inWords, SconceError, toHandlerError } from '../errors.js';
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
  'HANDLER_FAILED',
  'WORKER_DIED',
  'WORKER_OUT_OF_MEMORY',
  'INTERNAL',
]);

const nothing = (): void => {};

/** One request on its way through a model version. */
export class Prediction implements RowsOwner {
  #reservation: Reservation | undefined;
  #prepared: PreparedRows | undefined;
  #metrics: VersionMetrics | undefined;
  #log: Log | undefined;
  #over = false;
  #streamFailed = false;
  #wantedBy = Number.POSITIVE_INFINITY;
  #overListeners: (() => void)[] | undefined;

  /**
   * @param model the name the client asked for
   * @param version the version the client asked for, if it named one
   * @param since when the request arrived, in performance.now() milliseconds
   */
  constructor(
    readonly model: string,
    readonly version: string | undefined,
    readonly request: HandlerRequest,
    private readonly sink: PredictionSink,
    readonly since = performance.now(),
  ) {}

  /** When the client wants the answer, by what it says itself, in performance.now() milliseconds. */
  get wantedBy(): number {
    return this.#wantedBy;
  }

  /** The client wants the answer by then; the earliest of several moments counts. */
  wantBy(moment: number): void {
    this.#wantedBy = Math.min(this.#wantedBy, moment);
  }

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
    this.#end();
    this.#metrics?.failed('REQUEST_CANCELLED');
    this.#reservation?.cancel();
  }

  /** Its time is over: its rows are withdrawn, and nothing else answers it any more. */
  expire(error: SconceError): void {
    this.#reservation?.cancel();
    this.failed(error);
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

  /** Calls the listener when nobody waits for the answer any more; at once when that is so. */
  onOver(listener: () => void): void {
    if (this.#over) {
      listener();
      return;
    }
    this.#overListeners ??= [];
    this.#overListeners.push(listener);
  }

  /**
   * Another thread or process has answered: there is no memory of a batch to release.
   *
   * @param queueMicroseconds until the request was taken out of a queue
   * @param release called when a stream has been written
   */
  replied(reply: HandlerReply, queueMicroseconds: number, release = nothing): void {
    if (this.#over) return;
    const latency = performance.now() - this.since;
    this.#metrics?.answered(latency, queueMicroseconds, this.version !== undefined);
    this.#end();
    this.sink.reply(reply, release);
  }

  /** @param shown what the client gets, when that is less than the log */
  failed(error: SconceError, shown = error): void {
    if (this.#over) return;
    this.#end();
    this.#record(error);
    const refused = error.code === 'NO_CAPACITY' && this.version !== undefined;
    this.sink.fail(
      refused ? new SconceError('NO_CAPACITY_VERSION', this.model, this.version) : shown,
    );
  }

  /** The stream that it was answered with has failed; only the first call counts. */
  streamFailed(error: SconceError): void {
    if (this.#streamFailed) return;
    this.#streamFailed = true;
    this.#record(error);
  }

  #record(error: SconceError): void {
    this.#metrics?.failed(error.code);
    if (faults.has(error.code)) {
      this.#log?.warn({ requestId: this.requestId, code: error.code }, inWords(error));
    }
  }

  #end(): void {
    this.#over = true;
    const listeners = this.#overListeners;
    if (listeners === undefined) return;
    for (const listener of listeners.splice(0)) listener();
  }

  #reply(reply: HandlerReply, outputs: BatchOutputs): void {
    if (this.#over) {
      outputs.release();
      return;
    }
    this.#end();
    this.#metrics?.answered(
      performance.now() - this.since,
      outputs.queueMicroseconds,
      this.version !== undefined,
    );
    // Text was made from the outputs, bytes may still lie in them.
    if (typeof reply.body === 'string') {
      outputs.release();
      this.sink.reply(reply, nothing);
      return;
    }
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      outputs.release();
    };
    try {
      this.sink.reply(reply, release);
    } catch (error) {
      release();
      throw error;
    }
  }
}

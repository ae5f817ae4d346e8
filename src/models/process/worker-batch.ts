import { SconceError } from '../../errors.js';
import {
  isContinued,
  type WorkerReply,
  type WorkerRequest,
  type WorkerResponse,
} from '../../python/worker-messages.js';
import type { Prediction } from '../prediction.js';
import { ReplyStream } from './reply-stream.js';
import { batchError, handlerReply } from './worker-reply.js';
import { workerRequest } from './worker-request.js';

/** What a worker runs at a time. */
export interface Batch {
  readonly requests: readonly WorkerRequest[];
  /** Takes a message of the worker; resolves when there is room for the next. */
  take(response: WorkerResponse): Promise<void>;
  /** No more messages come: because of the error, if there is one. */
  end(error?: SconceError): void;
}

/** A request that is not answered to its end. */
interface Open {
  prediction: Prediction;
  stream: ReplyStream | undefined;
}

/** Requests that a worker answers together. */
export class WorkerBatch implements Batch {
  readonly requests: readonly WorkerRequest[];
  /** When it was made, in performance.now() milliseconds. */
  readonly since = performance.now();
  readonly #open = new Map<string, Open>();

  /**
   * @param unanswered told what a protocol has thrown when it was given an answer
   * @param ended called when the worker is through with it
   */
  constructor(
    predictions: readonly Prediction[],
    private readonly maxResponseSize: number,
    private readonly unanswered: (error: unknown) => void,
    private readonly ended: () => void,
  ) {
    this.requests = predictions.map(({ request }) => workerRequest(request));
    for (const prediction of predictions) {
      this.#open.set(prediction.request.id, { prediction, stream: undefined });
    }
  }

  async take(response: WorkerResponse): Promise<void> {
    const error = batchError(response);
    if (error !== undefined) {
      this.#fail(error);
      return;
    }
    const room: Promise<void>[] = [];
    for (const reply of response.replies) {
      const open = this.#open.get(reply.requestId);
      if (open === undefined) continue;
      const isLast = !isContinued(reply);
      if (isLast) this.#open.delete(reply.requestId);
      if (open.stream === undefined) this.#begin(open, reply, isLast);
      if (open.stream !== undefined) room.push(this.#continue(open.stream, reply));
      if (isLast) open.stream?.end();
    }
    await Promise.all(room);
  }

  end(error = new SconceError('INVALID_OUTPUT', 'the worker has left out a request')): void {
    this.#fail(error);
    this.ended();
  }

  #fail(error: SconceError): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { prediction, stream } of open) {
      if (stream === undefined) this.#attempt(() => prediction.failed(error));
      else stream.fail(error);
    }
  }

  #begin(open: Open, reply: WorkerReply, isLast: boolean): void {
    const { prediction } = open;
    const stream = isLast ? undefined : new ReplyStream();
    const answer = handlerReply(reply, this.maxResponseSize, stream);
    if (answer instanceof SconceError) {
      this.#attempt(() => prediction.failed(answer));
      return;
    }
    open.stream = stream;
    const isWanted = !prediction.over;
    const queued = (this.since - prediction.since) * 1000;
    const isTaken = this.#attempt(() => prediction.replied(answer, queued));
    // What is streamed to nobody is thrown away, piece by piece.
    if (!isWanted || !isTaken) stream?.return();
  }

  #continue(stream: ReplyStream, reply: WorkerReply): Promise<void> {
    if (reply.tooLarge) {
      stream.fail(new SconceError('RESPONSE_TOO_LARGE', this.maxResponseSize));
      return Promise.resolve();
    }
    return stream.push(reply.body);
  }

  /** A protocol that fails with one answer may not cost the others theirs. */
  #attempt(answer: () => void): boolean {
    try {
      answer();
      return true;
    } catch (error) {
      this.unanswered(error);
      return false;
    }
  }
}

import type { SconceError } from '../errors.js';
import { type HandlerReply, isStream } from '../handlers/handler.js';
import { toFailure } from '../handlers/host/failure.js';
import type { ReplyHead } from '../handlers/host/messages.js';
import type { Prediction, PredictionSink } from '../models/prediction.js';
import type { Mail } from '../workers/mail.js';
import type { AcceptorOrders, AnswerMessage } from './messages.js';
import { StreamRelay } from './stream-relay.js';

/** Bodies below this many bytes are copied: the thread need not say when it has written them. */
const leasedBytes = 64 * 1024;

/** A request of an acceptor thread, on the main loop. */
export class RelayedPrediction implements PredictionSink {
  prediction: Prediction | undefined;
  #release: (() => void) | undefined;
  #stream: StreamRelay | undefined;

  /** @param over called once, when the thread says nothing more of it */
  constructor(
    private readonly number: number,
    private readonly mail: Mail<AcceptorOrders>,
    private readonly over: () => void,
  ) {}

  reply(reply: HandlerReply, release: () => void): void {
    const { number } = this;
    const { contentType, headers, status, body } = reply;
    const head: ReplyHead = { contentType, headers, status };
    if (isStream(body)) {
      this.#answer({ kind: 'stream', number, head });
      this.#stream = new StreamRelay(number, body, this.mail, (error) => {
        if (error !== undefined) this.broken(error);
        release();
        this.over();
      });
      return;
    }
    if (typeof body === 'string') {
      this.#answer({ kind: 'reply', number, head, body, lease: false });
      release();
      this.over();
      return;
    }
    const size = body.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const lease = size >= leasedBytes;
    const ranges = body.map((bytes) => this.mail.bytes(bytes, !lease));
    this.#answer({ kind: 'reply', number, head, body: ranges, lease });
    if (lease) {
      this.#release = release;
    } else {
      release();
      this.over();
    }
  }

  fail(error: SconceError): void {
    this.#answer({ kind: 'failed', number: this.number, failure: toFailure(error) });
    this.over();
  }

  /** The client has gone, before it was answered as far as the thread knows. */
  cancel(): void {
    if (this.prediction?.over !== false) return;
    this.prediction.cancel();
    this.#answer({ kind: 'end', number: this.number, failure: undefined });
    this.over();
  }

  /** The thread has written the body. */
  written(): void {
    this.#release?.();
    this.#release = undefined;
    this.over();
  }

  credit(): void {
    this.#stream?.credit();
  }

  abandon(): void {
    this.#stream?.abandon();
  }

  /** The reply has failed on its way to the client. */
  broken(error: SconceError): void {
    this.prediction?.streamFailed(error);
  }

  /** The thread is gone, with all that it had. */
  lose(): void {
    this.prediction?.cancel();
    this.#release?.();
    this.#release = undefined;
    this.abandon();
  }

  #answer(answer: AnswerMessage): void {
    this.mail.push('answers', answer);
  }
}

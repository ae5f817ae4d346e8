import type { SconceError } from '../errors.js';
import { type HandlerReply, replyWith } from '../handlers/handler.js';
import { toFailure } from '../handlers/host/failure.js';
import type { ReplyHead } from '../handlers/host/messages.js';
import type { OpenPrediction } from '../http/http-context.js';
import type { PredictionSink } from '../models/prediction.js';
import { longestTimer } from '../timers.js';
import { ChunkStream } from '../workers/chunk-stream.js';
import type { Mail } from '../workers/mail.js';
import type { AcceptorReport } from './messages.js';

/** A prediction that the main loop works on, as the acceptor thread sees it. */
export class RemotePrediction implements OpenPrediction {
  readonly since = performance.now();
  #over = false;
  #stream: ChunkStream | undefined;

  constructor(
    /** Of the message that asks for it; another one when it is sent again. */
    public number: number,
    private readonly sink: PredictionSink,
    private readonly mail: Mail<AcceptorReport>,
  ) {}

  get over(): boolean {
    return this.#over;
  }

  /** The client has gone. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.mail.push('cancelled', this.number);
  }

  streamFailed(error: SconceError): void {
    this.mail.push('broken', { number: this.number, failure: toFailure(error) });
    // Counted before the client hears of it.
    this.mail.flush();
  }

  /** @param lease whether the main loop waits until the body is written */
  reply(head: ReplyHead, body: HandlerReply['body'], lease: boolean): void {
    this.deliver(replyWith(head, body), () => {
      if (lease) this.mail.push('written', this.number);
    });
  }

  deliver(reply: HandlerReply, release: () => void): void {
    if (this.#over) {
      release();
      return;
    }
    this.#over = true;
    this.sink.reply(reply, release);
  }

  fail(error: SconceError): void {
    if (this.#over) return;
    this.#over = true;
    this.sink.fail(error);
  }

  stream(head: ReplyHead): void {
    if (this.#over) {
      this.mail.push('abandoned', this.number);
      return;
    }
    this.#stream = new ChunkStream(
      {
        taken: () => this.mail.push('credits', this.number),
        cancelled: () => this.mail.push('abandoned', this.number),
        // The main loop keeps the time.
        late: () => {
          throw new RangeError('a chunk is late');
        },
      },
      longestTimer,
    );
    this.reply(head, this.#stream, false);
  }

  chunk(bytes: Uint8Array): void {
    this.#stream?.push(bytes);
  }

  /** No chunk follows; with an error the stream is incomplete. */
  end(error: SconceError | undefined): void {
    this.#stream?.end(error);
  }
}

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SconceError, toHandlerError, toSconceError } from '../errors.js';
import {
  acceptsEventStream,
  EventStreamFrames,
  errorEvent,
  eventStreamType,
} from './event-stream.js';
import { type Cancellable, cancelOnHangUp, forget } from './hang-up.js';
import type { HttpReply } from './http-exchange.js';
import { errorBody, sendError } from './response.js';
import {
  contentTypeOf,
  mayHaveBody,
  plainStatus,
  type StreamingReply,
  streamHead,
} from './stream-head.js';

export interface StreamOptions {
  /** Bytes of one piece, as TorchServe counts them. */
  maxResponseSize: number;
  /** Milliseconds that a client may take to read what it was sent. */
  longestWrite: number;
  /** When the request arrived, in performance.now() milliseconds. */
  since: number | undefined;
  /** Called when the stream fails, before the client hears of it. */
  failed(error: SconceError): void;
}

/**
 * Writes a reply piece by piece: each as one chunk, at once, and the next is asked for when the
 * client has room for it. The head goes with the first piece, so that what fails before it is an
 * error like any other; what fails after it ends the connection, so that nobody takes the body for
 * whole. A client that accepts event streams gets one, unless the handler names another type.
 *
 * @param release called once, when the iterator has ended and all is written, or nobody reads it
 */
export function streamReply(
  response: HttpReply,
  reply: StreamingReply,
  options: StreamOptions,
  release: () => void,
): void {
  void new StreamedReply(response, reply, options, release).run();
}

class StreamedReply implements Cancellable {
  readonly #raw: ServerResponse;
  readonly #socket: Socket;
  readonly #isEventStream: boolean;
  readonly #frames: EventStreamFrames | undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #ended = Promise.resolve();
  #headSent = false;
  /** The client has gone. */
  #gone = false;
  #released = false;
  #observed = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly response: HttpReply,
    private readonly reply: StreamingReply,
    private readonly options: StreamOptions,
    private readonly release: () => void,
  ) {
    this.#raw = response.raw;
    this.#socket = response.request.raw.socket;
    const type = contentTypeOf(reply);
    const framed = type === undefined && acceptsEventStream(response.request.headers.accept);
    this.#frames = framed ? new EventStreamFrames() : undefined;
    this.#isEventStream = framed || type?.startsWith(eventStreamType) === true;
  }

  async run(): Promise<void> {
    cancelOnHangUp(this.#socket, this);
    try {
      await this.#writePieces();
    } catch (error) {
      if (!this.#gone) await this.#fail(toHandlerError(error));
    }
    forget(this.#socket, this);
    this.#observe();
    await this.#endIterator();
    this.#release();
  }

  /** The client has hung up: no further piece is asked for. */
  cancel(): void {
    this.#gone = true;
    this.#wake?.();
    this.#observe();
    // An iterator that waits for its next piece may do so for ever.
    if (this.#iterator !== undefined) void this.#endIterator().then(() => this.#release());
  }

  async #writePieces(): Promise<void> {
    const iterator = this.reply.body[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#gone) {
      const { done, value } = await iterator.next();
      if (this.#gone) return;
      if (done === true) {
        this.#iterator = undefined;
        await this.#end();
        return;
      }
      if (value.byteLength === 0) continue;
      const { maxResponseSize } = this.options;
      if (value.byteLength > maxResponseSize) {
        throw new SconceError('RESPONSE_TOO_LARGE', maxResponseSize);
      }
      this.#sendHead();
      if (!this.#hasBody) {
        await this.#end();
        return;
      }
      await this.#write(this.#frames === undefined ? bytesOf(value) : this.#frames.frame(value));
    }
  }

  /** False where HTTP allows none: the pieces are nobody's then. */
  get #hasBody(): boolean {
    return this.response.request.method !== 'HEAD' && mayHaveBody(this.reply);
  }

  #sendHead(): void {
    if (this.#headSent) return;
    const { code, phrase, headers } = streamHead(
      this.response,
      this.reply,
      this.#frames !== undefined,
    );
    this.response.hijack();
    this.#raw.sendDate = false;
    try {
      this.#raw.writeHead(code, phrase, headers);
    } catch (error) {
      // Nothing is written yet: the handler's status or headers are none that HTTP can have.
      throw new SconceError('INVALID_OUTPUT', toSconceError(error).message);
    }
    this.#headSent = true;
  }

  async #write(bytes: Buffer | string | undefined): Promise<void> {
    if (bytes === undefined || this.#raw.write(bytes)) return;
    await this.#whenRead((read) => this.#raw.once('drain', read));
  }

  async #end(): Promise<void> {
    this.#sendHead();
    const last = this.#hasBody ? this.#frames?.end() : undefined;
    if (last !== undefined) this.#raw.write(last);
    await this.#whenRead((read) => this.#raw.end(read));
  }

  /** An error before the first piece has a response of its own. */
  async #fail(error: SconceError): Promise<void> {
    this.options.failed(error);
    if (!this.#headSent) {
      sendError(this.response, error);
      return;
    }
    const event = this.#isEventStream && this.#hasBody ? errorEvent(errorBody(error)) : '';
    await this.#whenRead((read) => this.#raw.write(event, () => read()));
    this.#breakOff();
  }

  /** Ends the connection so that the body is seen to be incomplete. */
  #breakOff(): void {
    const socket = this.#socket;
    const chunked = this.response.request.raw.httpVersionMinor > 0;
    // Without chunks an orderly end would be the end of the body; only TCP can be reset.
    const resets = !(socket instanceof TLSSocket) && socket.remoteAddress !== undefined;
    if (!chunked && resets) socket.resetAndDestroy();
    else socket.destroySoon();
  }

  /** Resolves when the client has read what it was sent, or has gone. One that reads nothing is cut. */
  #whenRead(listen: (read: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const watch = (): void => {
        // Behind another reply on the connection it is not the client that keeps this one waiting.
        const current = this.#raw.socket !== null;
        timer = setTimeout(() => {
          if (current) this.#socket.destroy();
          else watch();
        }, this.options.longestWrite);
        timer.unref();
      };
      this.#wake = settle;
      watch();
      if (this.#gone) settle();
      else listen(settle);
    });
  }

  #endIterator(): Promise<void> {
    const iterator = this.#iterator;
    if (iterator !== undefined) {
      this.#iterator = undefined;
      this.#ended = endOf(iterator);
    }
    return this.#ended;
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.release();
  }

  #observe(): void {
    if (!this.#headSent || this.#observed) return;
    this.#observed = true;
    const { code } = this.reply.status ?? plainStatus;
    const { observer } = this.response.server.httpContext;
    observer.responded(this.response, code, this.options.since);
  }
}

async function endOf(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The answer is given; what the end of a stream throws is nobody's.
  }
}

/** The same memory: a piece does not change once it is given. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

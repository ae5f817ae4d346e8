import type {
  HandlerReply,
  HandlerRequest,
  PreparedRows,
  RowHandler,
} from '../../src/handlers/handler.js';
import { Deferred } from '../../src/models/deferred.js';
import { source, startServer, type TestParts, type TestServer } from '../support/server.js';

/** A stream whose pieces come when the test says so. */
export class ScriptedStream implements AsyncIterableIterator<Uint8Array> {
  /** How often a piece was asked for. */
  asked = 0;
  /** How often it was ended by the one who reads it. */
  returned = 0;
  readonly #results: Promise<IteratorResult<Uint8Array>>[] = [];
  readonly #waiting: Deferred<IteratorResult<Uint8Array>>[] = [];

  constructor(readonly reply: Partial<HandlerReply> = {}) {}

  push(piece: string | Uint8Array): void {
    const value = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.#next((next) => next.resolve({ done: false, value }));
  }

  end(): void {
    this.#next((next) => next.resolve({ done: true, value: undefined }));
  }

  fail(error: Error): void {
    this.#next((next) => next.reject(error));
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    this.asked += 1;
    const ready = this.#results.shift();
    if (ready !== undefined) return ready;
    const later = new Deferred<IteratorResult<Uint8Array>>();
    this.#waiting.push(later);
    return later.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.returned += 1;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #next(settle: (next: Deferred<IteratorResult<Uint8Array>>) => void): void {
    const waiting = this.#waiting.shift();
    const next = waiting ?? new Deferred<IteratorResult<Uint8Array>>();
    next.promise.catch(() => {});
    if (waiting === undefined) this.#results.push(next.promise);
    settle(next);
  }
}

const row = { dtype: 'float32', dims: [1] } as const;

/** Answers each request with the stream that its body names. */
class StreamHandler implements RowHandler {
  readonly kind = 'rows';
  readonly inputs = 'x: float32[n, 1]';
  readonly rowShape = [row];

  constructor(private readonly streams: ReadonlyMap<string, ScriptedStream>) {}

  preprocess(request: HandlerRequest): PreparedRows {
    const name = Buffer.from(request.body).toString();
    const stream = this.streams.get(name);
    if (stream === undefined) throw new Error(`no stream "${name}"`);
    return {
      rows: 1,
      key: 'stream',
      inputs: [row],
      store: (target, offsets) => {
        const start = offsets[0] ?? 0;
        target.fill(0, start, start + Float32Array.BYTES_PER_ELEMENT);
      },
      postprocess: () => ({
        body: stream,
        contentType: undefined,
        headers: undefined,
        ...stream.reply,
      }),
    };
  }

  outputProblem(): undefined {
    return undefined;
  }

  describe(): Record<string, unknown> {
    return {};
  }
}

export interface StreamServer extends TestServer {
  /** A stream that requests to /predictions/stream get by this name in their body. */
  stream(name: string, reply?: Partial<HandlerReply>): ScriptedStream;
}

/** A server with a model `stream` that answers with streams of the test. */
export async function startStreamServer(
  given: Parameters<typeof startServer>[1] = {},
  parts: TestParts = {},
): Promise<StreamServer> {
  const streams = new Map<string, ScriptedStream>();
  const handlers = new Map([['stream', () => new StreamHandler(streams)]]);
  const model = source('double', { name: 'stream', handler: 'stream' });
  const server = await startServer([model], given, { ...parts, handlers });
  return {
    ...server,
    stream: (name, reply) => {
      const stream = new ScriptedStream(reply);
      streams.set(name, stream);
      return stream;
    },
  };
}

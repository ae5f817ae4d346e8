import type { MessagePort } from 'node:worker_threads';
import { NumberedEntries } from '../../collections/numbered-entries.js';
import { SconceError } from '../../errors.js';
import type { BaseHandler } from '../api/base-handler.js';
import type { ModelContext } from '../api/context.js';
import type { Envelope } from '../envelopes/envelope.js';
import { envelopeOf } from '../envelopes/envelopes.js';
import type { HandlerRequest } from '../handler.js';
import { ActiveRequest } from './active-request.js';
import { redirectConsole } from './console-lines.js';
import { headOf, writeEnvelope } from './enveloped-reply.js';
import { fromFailure, handlerFailure, traceOf } from './failure.js';
import type { HandlerSpec } from './handler-spec.js';
import { makeHandler } from './make-handler.js';
import type {
  AnswerMessage,
  HostEvent,
  HostOrders,
  Place,
  ReplyHead,
  RequestMessage,
} from './messages.js';
import { requestWord } from './messages.js';
import { MetricsRelay } from './metrics-relay.js';
import { Outbox } from './outbox.js';
import { ReplyStream } from './reply-stream.js';
import { receiveRequest } from './request-message.js';
import { isChunks, runSteps } from './request-steps.js';
import { type RequestHost, ServedRequest } from './served-request.js';
import { SharedThings } from './shared-things.js';
import { writeReply } from './write-reply.js';

/** What the thread of a handler is given. */
export interface HostStart {
  port: MessagePort;
  spec: HandlerSpec;
  /** A word for each request that may be in the thread: who has it, as requestWord says. */
  begun: Int32Array;
}

/** Questions to the main loop that may be open at the same time: more would hold it up. */
const mostCalls = 4096;

/** An answer that a request waits for. */
interface Call {
  resolve(answer: AnswerMessage): void;
  reject(error: Error): void;
}

/**
 * Runs one handler on one thread: takes requests from the main loop and answers them. Requests of
 * handlers with async methods overlap; those of others follow one another by themselves.
 */
export class HandlerHost {
  readonly #outbox: Outbox;
  readonly #shared = new SharedThings();
  readonly #calls = new NumberedEntries<Call>();
  readonly #active = new NumberedEntries<ActiveRequest>();
  readonly #closed: Promise<void>;
  #close!: () => void;
  #nextCall = 1;
  readonly #envelope: Envelope | undefined;
  #handler: BaseHandler | undefined;

  constructor(private readonly start: HostStart) {
    this.#outbox = new Outbox(start.port);
    this.#envelope = envelopeOf(start.spec.envelope);
    this.#closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /** Makes the handler and serves until the main loop closes it. */
  async run(): Promise<void> {
    const { port } = this.start;
    redirectConsole((level, text) => this.#outbox.print(level, text));
    // What was printed last says why a thread ends.
    process.on('exit', () => this.#outbox.flush());
    try {
      const { handler, context, ready } = await makeHandler(
        this.start.spec,
        new MetricsRelay((message) => this.#outbox.metric(message)),
      );
      this.#handler = handler;
      port.on('message', (orders: HostOrders) => this.#take(orders, handler, context));
      this.#outbox.started({ ready });
    } catch (error) {
      this.#outbox.started({ refused: handlerFailure(error) });
      port.close();
      return;
    }
    await this.#closed;
    await this.#handler.close();
    this.#outbox.flush();
    port.close();
  }

  #take(orders: HostOrders, handler: BaseHandler, context: ModelContext): void {
    this.#shared.learn(orders);
    if (orders.ping !== undefined) this.#outbox.pong(orders.ping, bytesUsed());
    for (const number of orders.cancelled ?? []) this.#active.get(number)?.abandon();
    for (const { number, chunks } of orders.credits ?? []) {
      this.#active.get(number)?.stream?.credit(chunks);
    }
    for (const answer of orders.answers ?? []) this.#answer(answer);
    for (const message of orders.requests ?? []) {
      this.#begin(message, orders.bytes, handler, context);
      this.#outbox.flushIfLate();
    }
    // What is left then are requests that nobody waits for.
    if (orders.close) this.#close();
  }

  #answer(answer: AnswerMessage): void {
    const call = this.#calls.take(answer.call);
    if (answer.failure === undefined) call?.resolve(answer);
    else call?.reject(fromFailure(answer.failure));
  }

  #begin(
    message: RequestMessage,
    buffers: readonly ArrayBuffer[] | undefined,
    handler: BaseHandler,
    model: ModelContext,
  ): void {
    const { number, slot, place } = message;
    // A thread that is being ended may still read its messages.
    if (Atomics.compareExchange(this.start.begun, slot, 0, requestWord.begun) !== 0) return;
    const active = new ActiveRequest();
    const host: RequestHost = {
      number,
      signal: () => active.signal,
      model,
      shared: this.#shared,
      metric: (metric) => this.#outbox.metric(metric),
      bytes: (bytes) => this.#outbox.bytes(bytes),
      ask: (event) => this.#ask(event),
    };
    this.#active.set(number, active);
    // Sconce's own handlers keep nothing of a request.
    const inPlace = this.start.spec.code.from === 'module';
    const { request, end } = receiveRequest(message, buffers, this.#shared, inPlace);
    this.#serve(active, handler, request, place, host)
      .catch((error) => this.#fail(number, request.id, error))
      .finally(() => {
        end();
        this.#active.take(number);
        this.#outbox.event({ kind: 'done', number });
      });
  }

  async #serve(
    active: ActiveRequest,
    handler: BaseHandler,
    original: HandlerRequest,
    place: Place | undefined,
    host: RequestHost,
  ): Promise<void> {
    const opened = this.#envelope?.open(original, host.model);
    const requests = (opened?.requests ?? [original]).map(
      (request) => new ServedRequest(request, place, opened === undefined ? host : placeless(host)),
    );
    const [first] = requests;
    if (opened === undefined && first !== undefined) {
      const reply = await runSteps(handler, first);
      if (isChunks(reply)) await this.#stream(active, host.number, first.head, reply);
      else this.#reply(host.number, first.head, writeReply(reply));
      return;
    }
    const settled = await Promise.allSettled(requests.map((each) => runSteps(handler, each)));
    const [only] = settled;
    // As with TorchServe, what is streamed goes past the envelope.
    if (settled.length === 1 && only?.status === 'fulfilled' && isChunks(only.value)) {
      if (first !== undefined) await this.#stream(active, host.number, first.head, only.value);
    } else if (opened !== undefined) {
      this.#reply(host.number, headOf(requests), writeEnvelope(opened, settled));
    }
  }

  async #stream(
    active: ActiveRequest,
    number: number,
    head: ReplyHead,
    chunks: AsyncGenerator<unknown>,
  ): Promise<void> {
    active.stream = new ReplyStream(chunks, {
      begin: () => this.#outbox.event({ kind: 'stream', number, head }),
      chunk: (chunk) => {
        this.#outbox.event({ kind: 'chunk', number, bytes: this.#outbox.bytes(chunk) });
      },
      end: () => this.#outbox.event({ kind: 'end', number }),
    });
    if (active.isAbandoned) active.stream.cancel();
    await active.stream.run();
  }

  /** What is no answer of ours is a mistake of the handler, whose author wants to see where. */
  #fail(number: number, id: string, error: unknown): void {
    const failure = handlerFailure(error);
    if (failure.code === 'HANDLER_FAILED') {
      for (const line of traceOf(error)) this.#outbox.print('warn', `${id}: ${line}`);
    }
    this.#outbox.event({ kind: 'failed', number, failure });
  }

  #reply(number: number, head: ReplyHead, body: string | Uint8Array): void {
    this.#outbox.event({
      kind: 'reply',
      number,
      head,
      body: typeof body === 'string' ? body : this.#outbox.bytes(body),
    });
  }

  #ask(event: (call: number) => HostEvent): Promise<AnswerMessage> {
    if (this.#calls.size >= mostCalls) {
      const why = `${mostCalls} calls of the model wait for their answers; await some of them`;
      return Promise.reject(new SconceError('HANDLER_FAILED').because(why));
    }
    const call = this.#nextCall;
    this.#nextCall += 1;
    this.#outbox.event(event(call));
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
    });
  }
}

/** A request has one row in a slab at most, and an envelope any number: each runs its own copy. */
function placeless(host: RequestHost): RequestHost {
  const ask: RequestHost['ask'] = (event) =>
    event(0).kind === 'reserve' ? Promise.resolve({ call: 0 }) : host.ask(event);
  return { ...host, ask };
}

/** Bytes of this thread: its heap, and its buffers, shared ones too. */
function bytesUsed(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

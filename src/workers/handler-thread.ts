import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { NumberedEntries } from '../collections/numbered-entries.js';
import { SconceError } from '../errors.js';
import type { Exchange } from '../handlers/handler.js';
import { fromFailure } from '../handlers/host/failure.js';
import type { HostStart } from '../handlers/host/handler-host.js';
import type { HandlerSpec } from '../handlers/host/handler-spec.js';
import {
  type HostReport,
  type MetricMessage,
  type PrintedLine,
  type ReadyMessage,
  requestWord,
} from '../handlers/host/messages.js';
import { holdsProcess } from '../native/runtime.js';
import { rowBytes, type TensorSpec } from '../tensors/tensor-spec.js';
import type { SharedMemories } from './shared-memories.js';
import { deathOf, lateStart } from './thread-death.js';
import { ThreadMail } from './thread-mail.js';
import { ThreadRequest } from './thread-request.js';
import { ThreadWatch } from './thread-watch.js';

const entry = fileURLToPath(new URL('./handler-entry.js', import.meta.url));

/**
 * Rows from this size on are written in place. Smaller ones are copied with the message that tells of
 * them: that costs less than the time that a batch waits for a row which another thread still writes.
 */
const inPlaceBytes = 4096;

/** Milliseconds that a handler may take for its close(). */
const longestClose = 5000;

export interface HandlerThreadOptions {
  spec: HandlerSpec;
  /** MiB of JavaScript heap. */
  memory: number;
  /** Most requests in the thread at the same time. */
  mostRequests: number;
  /** Milliseconds from the arrival of a request to its answer, and between chunks of a stream. */
  responseTimeout: number;
  /** Milliseconds within which the handler must be initialized. */
  startupTimeout: number;
  memories: SharedMemories;
}

/** What a thread tells the one who has it. */
export interface HandlerThreadListener {
  /** It can take another request. */
  hasRoom(): void;
  /** It is gone. The requests that it had not begun with are somebody else's now. */
  ended(reason: SconceError, notBegun: readonly Exchange[]): void;
  printed(lines: readonly PrintedLine[], dropped: number): void;
  metrics(messages: readonly MetricMessage[]): void;
}

/** One thread that runs a handler: its start, the requests that it has, its end. */
export class HandlerThread {
  /** Resolves when it takes requests; rejects with the error of the handler. */
  readonly ready: Promise<ReadyMessage>;
  /**
   * Resolves when the thread is gone: later than its requests are answered, if code outside of
   * JavaScript holds it.
   */
  readonly gone: Promise<void>;
  readonly #piscina: Piscina;
  readonly #mail: ThreadMail;
  readonly #begun: Int32Array;
  readonly #freeSlots: number[];
  readonly #requests = new NumberedEntries<ThreadRequest>();
  readonly #watch: ThreadWatch;
  #settleReady!: { resolve(ready: ReadyMessage): void; reject(error: SconceError): void };
  /** The handler is initialized. */
  #serves = false;
  /** Rows are reserved for handlers that fill them at once: others would hold up batches. */
  #writesInPlace = false;
  #nextNumber = 1;
  readonly #startup: NodeJS.Timeout;
  #destroyed: Promise<void> | undefined;
  /** Why it was told to end; the end itself may come later. */
  #reason: SconceError | undefined;

  constructor(
    options: HandlerThreadOptions,
    private readonly listener: HandlerThreadListener,
  ) {
    const { spec, memory, mostRequests, memories } = options;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever does not wait hears of it by ended().
    this.ready.catch(() => {});
    this.#begun = new Int32Array(new SharedArrayBuffer(4 * mostRequests));
    this.#freeSlots = Array.from({ length: mostRequests }, (_, slot) => slot);
    const { port1, port2 } = new MessageChannel();
    this.#mail = new ThreadMail(port1, memories, options);
    this.#watch = new ThreadWatch(
      {
        requests: () => this.#requests.all,
        ping: (number) => this.#mail.ping(number),
        end: (reason) => this.end(reason),
      },
      memory,
      mostRequests,
    );
    port1.on('message', (report: HostReport) => this.#take(report));
    // A pool of one: its thread can be ended, and waited for, without the others. None is kept
    // ready: a thread that dies would be followed by one that nobody uses.
    this.#piscina = new Piscina({
      filename: entry,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: memory },
    });
    // What fails behind the end of the task is of no interest any more.
    this.#piscina.on('error', () => {});
    this.#startup = setTimeout(
      () => this.end(lateStart(options.startupTimeout)),
      options.startupTimeout,
    ).unref();
    const leave = holdsProcess();
    const start: HostStart = { port: port2, spec, begun: this.#begun };
    this.gone = this.#piscina
      .run(start, { transferList: [port2] })
      .then(
        () => this.#reason ?? new SconceError('WORKER_DIED').because('the thread has ended'),
        (error) => this.#reason ?? deathOf(error, memory),
      )
      .then((reason) => this.#ended(reason))
      .then(leave);
  }

  /** Requests that it has. */
  get load(): number {
    return this.#requests.size;
  }

  /** It takes requests. */
  get serves(): boolean {
    return this.#serves && this.#reason === undefined;
  }

  get hasRoom(): boolean {
    return this.#serves && this.#reason === undefined && this.#freeSlots.length > 0;
  }

  /** Gives it a request, which goes out with the next message. */
  take(exchange: Exchange): void {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new SconceError('INTERNAL', 'a thread was given too much');
    const request = new ThreadRequest(this.#nextNumber, slot, exchange, this.#mail);
    this.#nextNumber += 1;
    let place: ReturnType<ThreadRequest['reserve']> | undefined;
    try {
      if (this.#writesInPlace && exchange.request.explain !== true) place = request.reserve();
    } catch (error) {
      this.#freeSlots.push(slot);
      throw error;
    }
    this.#begun[slot] = 0;
    this.#requests.set(request.number, request);
    this.#mail.request(request, place);
    this.#watch.start();
    exchange.onOver(() => this.#mail.cancel(request.number));
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#mail.flush();
  }

  /** A memory is gone. */
  forget(memory: number): void {
    this.#mail.forget(memory);
  }

  /** Ends it at once. */
  end(reason: SconceError): void {
    this.#reason ??= reason;
    void this.#destroy();
  }

  /** Lets the handler close, then ends it; only without requests. */
  async close(): Promise<void> {
    if (this.#reason !== undefined) return this.gone;
    this.#reason = new SconceError('WORKER_DIED').because('the model is being closed');
    if (!this.#serves) {
      this.end(this.#reason);
      return this.gone;
    }
    this.#mail.close();
    const timer = setTimeout(() => this.end(new SconceError('WORKER_DIED')), longestClose);
    await this.gone;
    clearTimeout(timer);
  }

  #take(report: HostReport): void {
    const { ready, refused, events, bytes, printed, dropped, metrics, pong } = report;
    if (printed !== undefined) this.listener.printed(printed, dropped ?? 0);
    if (ready !== undefined) {
      this.#serves = true;
      clearTimeout(this.#startup);
      this.#writesInPlace = ready.fillsAtOnce && isWorthPlace(ready.rowShape);
      this.#settleReady.resolve(ready);
    }
    if (refused !== undefined) {
      this.#reason = fromFailure(refused);
      this.#settleReady.reject(this.#reason);
    }
    if (pong !== undefined) this.#watch.answered(pong.ping, pong.bytes);
    if (metrics !== undefined) this.listener.metrics(metrics);
    let freed = false;
    for (const event of events ?? []) {
      const request = this.#requests.get(event.number);
      request?.take(event, bytes);
      if (request === undefined || event.kind !== 'done') continue;
      this.#requests.take(event.number);
      this.#freeSlots.push(request.slot);
      freed = true;
    }
    if (freed && this.hasRoom) this.listener.hasRoom();
  }

  /** Piscina knows nothing of its thread any more when it is called again: the first call counts. */
  #destroy(): Promise<void> {
    this.#destroyed ??= this.#piscina.destroy();
    return this.#destroyed;
  }

  async #ended(reason: SconceError): Promise<void> {
    this.#reason ??= reason;
    clearTimeout(this.#startup);
    this.#watch.stop();
    this.#mail.end();
    // What it has not begun with can still be answered by another thread.
    const notBegun: Exchange[] = [];
    const lost: ThreadRequest[] = [];
    for (const request of this.#requests.all) {
      const { slot, exchange } = request;
      const isBegun = Atomics.compareExchange(this.#begun, slot, 0, requestWord.taken) !== 0;
      if (!isBegun) notBegun.push(exchange);
      else lost.push(request);
    }
    for (const request of lost) request.fail(reason);
    this.#settleReady.reject(reason);
    this.listener.ended(
      reason,
      notBegun.filter((exchange) => !exchange.over),
    );
    await this.#destroy();
    // Only now nothing writes to slabs any more, and nothing reads bodies.
    for (const request of this.#requests.takeAll()) request.leave();
    for (const request of lost) request.end();
  }
}

function isWorthPlace(rowShape: readonly TensorSpec[] | undefined): boolean {
  if (rowShape === undefined) return false;
  return rowShape.reduce((sum, spec) => sum + rowBytes(spec), 0) >= inPlaceBytes;
}

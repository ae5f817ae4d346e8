import { ArrivalQueue, type QueueEntry } from '../collections/arrival-queue.js';
import { inWords, type SconceError, toSconceError } from '../errors.js';
import type { Exchange, RequestHandler } from '../handlers/handler.js';
import type { HandlerSpec } from '../handlers/host/handler-spec.js';
import type { PrintedLine } from '../handlers/host/messages.js';
import { outputNamesProblem } from '../handlers/tensor/tensor-plan.js';
import type { CustomMetric, CustomMetrics } from '../metrics/custom-metrics.js';
import type { OutputStructure } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { HandlerThread } from './handler-thread.js';
import { MetricCalls } from './metric-calls.js';
import { Restarts } from './restarts.js';
import { SharedMemories } from './shared-memories.js';

/** How the threads of a handler are run. */
export interface ThreadedHandlerOptions {
  threads: number;
  /** MiB of JavaScript heap of each. */
  memory: number;
  /** Most rows in a batch. */
  batchSize: number;
  /** Milliseconds from the arrival of a request to its answer. */
  responseTimeout: number;
  /** Milliseconds within which the handler must be initialized. */
  startupTimeout: number;
  /** The metrics that belong to the requests of these ids. */
  metrics(requestIds: () => readonly string[]): CustomMetrics;
  printed(lines: readonly PrintedLine[], dropped: number): void;
  /** A thread has ended that should not, or cannot be started again. */
  failed(error: SconceError): void;
  /** None could be started, and now one runs. */
  recovered(): void;
}

/** The least number of requests that a thread can have at the same time. */
const fewestRequests = 16;

/** A handler on threads of its own: gives each request to the one that has the least to do. */
export class ThreadedHandler implements RequestHandler {
  readonly kind = 'requests';
  readonly #threads = new Set<HandlerThread>();
  /** Threads that take no requests any more and may still be there. */
  readonly #ending = new Set<HandlerThread>();
  /** Requests that no thread has taken yet. */
  readonly #queue = new ArrivalQueue<Exchange>();
  readonly #memories = new SharedMemories((number) => {
    for (const thread of this.#threads) thread.forget(number);
  });
  readonly #metrics: MetricCalls;
  readonly #restarts: Restarts;
  #dispatch: NodeJS.Immediate | undefined;
  #description: Record<string, unknown> = {};
  #rowShape: readonly TensorSpec[] | undefined;
  #failure: SconceError | undefined;
  #failingSince: number | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly spec: HandlerSpec,
    private readonly options: ThreadedHandlerOptions,
  ) {
    this.#metrics = new MetricCalls(options.metrics, (error) => this.#warn(error));
    this.#restarts = new Restarts(() => this.#startAnother());
    this.#rowShape = spec.plan.fixed;
  }

  get inputs(): string {
    return this.spec.plan.text;
  }

  get rowShape(): readonly TensorSpec[] | undefined {
    return this.#rowShape;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Why no thread runs, when none does and one could not be replaced. */
  get failure(): SconceError | undefined {
    return this.#failure;
  }

  get failingSince(): number | undefined {
    return this.#failingSince;
  }

  outputProblem(structure: OutputStructure): string | undefined {
    return outputNamesProblem(this.spec.plan, structure);
  }

  describe(): Record<string, unknown> {
    return this.#description;
  }

  async start(): Promise<void> {
    const { threads } = this.options;
    const ready = await Promise.all(
      Array.from({ length: threads }, () => this.#startThread().ready),
    );
    const [first] = ready;
    if (first === undefined) return;
    this.#restarts.begin();
    this.#description = first.description;
    this.#rowShape = first.rowShape ?? this.#rowShape;
  }

  handle(exchange: Exchange): void {
    this.#leaveWhenOver(this.#queue.add(exchange));
    this.#dispatch ??= setImmediate(() => this.#deal());
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#restarts.stop();
    clearImmediate(this.#dispatch);
    const ending = [...this.#ending].map((thread) => thread.gone);
    await Promise.all([...[...this.#threads].map((thread) => thread.close()), ...ending]);
  }

  #startThread(): HandlerThread {
    const { memory, batchSize, responseTimeout, startupTimeout } = this.options;
    const made = new Map<number, CustomMetric>();
    const thread = new HandlerThread(
      {
        spec: this.spec,
        memory,
        mostRequests: Math.max(fewestRequests, batchSize * 2),
        responseTimeout,
        startupTimeout,
        memories: this.#memories,
      },
      {
        hasRoom: () => {
          this.#restarts.served();
          if (this.#queue.size > 0) this.#deal();
        },
        ended: (reason, notBegun) => this.#ended(thread, reason, notBegun),
        printed: (lines, dropped) => this.options.printed(lines, dropped),
        metrics: (messages) => this.#metrics.take(messages, made),
      },
    );
    this.#threads.add(thread);
    return thread;
  }

  /** Gives what waits to the threads that have room, and sends it. */
  #deal(): void {
    clearImmediate(this.#dispatch);
    this.#dispatch = undefined;
    while (this.#queue.size > 0) {
      const thread = this.#leastLoaded();
      const exchange = thread === undefined ? undefined : this.#queue.shift();
      if (thread === undefined || exchange === undefined) break;
      try {
        thread.take(exchange);
      } catch (error) {
        exchange.fail(toSconceError(error));
      }
    }
    for (const thread of this.#threads) thread.flush();
  }

  #leastLoaded(): HandlerThread | undefined {
    let least: HandlerThread | undefined;
    for (const thread of this.#threads) {
      if (thread.hasRoom && (least === undefined || thread.load < least.load)) least = thread;
    }
    return least;
  }

  #ended(thread: HandlerThread, reason: SconceError, notBegun: readonly Exchange[]): void {
    this.#threads.delete(thread);
    this.#ending.add(thread);
    void thread.gone.then(() => this.#ending.delete(thread));
    if (this.#closed !== undefined) return;
    // They came before what waits now.
    for (const exchange of notBegun.toReversed()) {
      this.#leaveWhenOver(this.#queue.addFirst(exchange));
    }
    if (!this.#restarts.begun) return;
    this.options.failed(reason);
    const isReplaced = this.#restarts.schedule();
    if (!isReplaced && ![...this.#threads].some(({ serves }) => serves)) {
      this.#failure = reason;
      this.#failingSince ??= performance.now();
    }
    if (this.#queue.size > 0) this.#deal();
  }

  /** Nobody waits for its answer then. */
  #leaveWhenOver(entry: QueueEntry<Exchange>): void {
    entry.member.onOver(() => this.#queue.delete(entry));
  }

  #startAnother(): void {
    const thread = this.#startThread();
    thread.ready.then(
      () => {
        if (this.#failure !== undefined) this.options.recovered();
        this.#failure = undefined;
        this.#failingSince = undefined;
        this.#deal();
      },
      // It ends then, and the next attempt is scheduled.
      () => {},
    );
  }

  #warn(error: SconceError): void {
    this.options.printed([{ level: 'warn', text: inWords(error) }], 0);
  }
}

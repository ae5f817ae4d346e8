import { SconceError } from '../errors.js';
import type { Exchange } from '../handlers/handler.js';

/** Milliseconds between two looks at a thread that has requests. */
const pause = 100;

/**
 * Looks that find a thread silent before it counts as blocked. Looks are counted, not time: a main
 * loop that was held up has answers to read that came long ago.
 */
const silentLooks = 10;

/** The same for one that eats memory meanwhile, which cannot wait as long. */
const silentLooksOfGlutton = 2;

/** The thread that is watched. */
export interface WatchedThread {
  /** What it has; deadlines in performance.now() milliseconds. */
  requests(): Iterable<{ exchange: Pick<Exchange, 'deadline'> }>;
  /** Asks it for an answer. */
  ping(number: number): void;
  end(reason: SconceError): void;
}

/**
 * Finds out that the code of a handler does not let go of its thread, or takes more memory than it
 * may. Node bounds the heap of a thread, but not the memory of its buffers: the thread says how much
 * it has. One that cannot say it is judged by what the process has grown by since it last could.
 */
export class ThreadWatch {
  #timer: NodeJS.Timeout | undefined;
  #pings = 0;
  #pongs = 0;
  #silence = 0;
  /** Bytes of the process when the thread last answered. */
  #processBytes = 0;
  /** Answers in a row that told of too much memory: some of it may be garbage. */
  #excesses = 0;

  /**
   * @param memory MiB that the thread may use
   * @param mostRequests that can be in the thread at the same time
   */
  constructor(
    private readonly thread: WatchedThread,
    private readonly memory: number,
    private readonly mostRequests: number,
  ) {}

  /** It has been given a request. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#processBytes = process.memoryUsage.rss();
    this.#lookLater();
  }

  /** @param bytes that the thread uses */
  answered(ping: number, bytes: number): void {
    this.#pongs = ping;
    this.#excesses = bytes > this.memory * mebibyte ? this.#excesses + 1 : 0;
    if (this.#excesses > 1) this.#end(this.#outOfMemory());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => this.#look(), pause).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const requests = [...this.thread.requests()];
    if (requests.length === 0) return;
    this.#lookLater();
    const now = performance.now();
    const overdue = requests.filter(({ exchange }) => exchange.deadline <= now).length;
    if (this.#pongs < this.#pings) {
      this.#silence += 1;
      this.#judgeSilent(overdue);
      return;
    }
    this.#silence = 0;
    if (overdue * 2 >= this.mostRequests) {
      const reason = `${overdue} requests in the same thread of the handler did not end in time`;
      this.#end(new SconceError('WORKER_DIED').because(reason));
      return;
    }
    this.#processBytes = process.memoryUsage.rss();
    this.#pings += 1;
    this.thread.ping(this.#pings);
  }

  #judgeSilent(overdue: number): void {
    const grown = process.memoryUsage.rss() - this.#processBytes;
    if (this.#silence >= silentLooksOfGlutton && grown > 2 * this.memory * mebibyte) {
      this.#end(this.#outOfMemory());
    } else if (this.#silence >= silentLooks && overdue > 0) {
      const reason = 'the code of the handler did not let go of its thread in time';
      this.#end(new SconceError('WORKER_DIED').because(reason));
    }
  }

  #outOfMemory(): SconceError {
    return outOfMemory(this.memory);
  }

  #end(reason: SconceError): void {
    this.stop();
    this.thread.end(reason);
  }
}

const mebibyte = 1024 * 1024;

/** @param memory MiB that the thread was allowed */
export function outOfMemory(memory: number): SconceError {
  return new SconceError('WORKER_OUT_OF_MEMORY').because(
    `the handler took more memory than handlerMemory allows (${memory} MiB)`,
  );
}

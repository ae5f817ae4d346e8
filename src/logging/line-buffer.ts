import { messageOf } from '../errors.js';
import type { LineSink } from './line-sink.js';

/** Characters that make a batch, which is written at once; fewer wait for `flushInterval`. */
const batchLength = 64 * 1024;

/** Characters that wait at most: a few seconds of a full load while the disk is slow. */
const longestWaiting = 16 * 1024 * 1024;

/** Milliseconds that a line waits at most. */
const flushInterval = 1000;

/** Milliseconds between two attempts while the sink fails. */
const retryInterval = 5000;

/** Milliseconds between two reports of lost lines. */
const reportInterval = 60_000;

/** Milliseconds that closing waits for a sink that does not take its lines. */
const closeTimeout = 2000;

interface Batch {
  text: string;
  lines: number;
}

/**
 * Lines on their way to a sink: gathered, written in few large pieces beside the event loop, and
 * dropped, counted and reported when the sink fails or falls behind. Nothing here throws.
 */
export class LineBuffer {
  readonly #sink: LineSink;
  readonly #report: (message: string) => void;
  /** What waits; the last one grows. */
  #batches: Batch[] = [];
  /** Characters of all of them. */
  #length = 0;
  #accepted = 0;
  #taken = 0;
  /** Up to which of the accepted lines the write under way goes on. */
  #target = 0;
  /** Lines of the batch that is being written. */
  #writing = 0;
  #dropped = 0;
  /** Why the last of them was. */
  #reason = '';
  #reported = 0;
  /** performance.now() before which no loss is reported again. */
  #quietUntil = 0;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #flushing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @param report takes a sentence for the operator, at most one a minute */
  constructor(sink: LineSink, report: (message: string) => void) {
    this.#sink = sink;
    this.#report = report;
  }

  /** Lines that were lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a line, which ends in a newline. It is written within a second. */
  write(line: string): void {
    if (this.#closing !== undefined) {
      this.#dropped += 1;
      return;
    }
    if (this.#length + line.length > longestWaiting) {
      this.#drop(1, 'they come faster than they can be written');
      return;
    }
    const last = this.#batches.at(-1);
    if (last !== undefined && last.text.length < batchLength) {
      last.text += line;
      last.lines += 1;
    } else {
      this.#batches.push({ text: line, lines: 1 });
    }
    this.#accepted += 1;
    this.#length += line.length;
    if (this.#length >= batchLength) this.flushSoon();
    this.#timer ??= this.#flushIn(flushInterval);
  }

  /**
   * Writes what waits at the end of this turn of the event loop: a process that exits in this very
   * turn still finds it here.
   */
  flushSoon(): void {
    if (this.#failing) return;
    this.#target = this.#accepted;
    if (this.#flushing !== undefined) return;
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#flush();
    });
  }

  /** Writes what waits before it returns, as well as it can. */
  flushNow(): void {
    const lines = this.#batches.map(({ text }) => text).join('');
    this.#batches = [];
    this.#length = 0;
    this.#taken = this.#accepted;
    this.#stopTimer();
    try {
      if (lines !== '') this.#sink.appendNow(lines);
    } catch {
      // The process is exiting: there is nobody left to tell.
    }
  }

  /** Writes what waits, for two seconds at most, and closes the sink. Later lines are dropped. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, closeTimeout, true);
    });
    if (await Promise.race([this.#finish(), late])) {
      this.#dropped += this.#writing;
      this.#reason = `not written in ${closeTimeout} ms`;
      // Not waited for: it may never come back.
      this.#sink.close().catch(() => {});
    }
    this.#dropped += this.#accepted - this.#taken;
    clearTimeout(timer);
    this.#stopTimer();
    clearImmediate(this.#immediate);
    if (this.#dropped > this.#reported) this.#tell();
  }

  /** Always false: what it waits for has not taken too long. */
  async #finish(): Promise<boolean> {
    await this.#flushing;
    await this.#flush();
    await this.#sink.close().catch(() => {});
    return false;
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#append().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #append(): Promise<void> {
    this.#target = this.#accepted;
    this.#stopTimer();
    while (this.#taken < this.#target) {
      const text = this.#take();
      try {
        await this.#sink.append(text);
        this.#failing = false;
      } catch (error) {
        this.#fail(error);
        return;
      } finally {
        this.#writing = 0;
      }
    }
  }

  #take(): string {
    const { text, lines } = this.#batches.shift() ?? { text: '', lines: 0 };
    this.#length -= text.length;
    this.#taken += lines;
    this.#writing = lines;
    return text;
  }

  #fail(error: unknown): void {
    this.#failing = true;
    this.#stopTimer();
    this.#timer = this.#flushIn(retryInterval);
    this.#drop(this.#writing, messageOf(error));
  }

  #flushIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, milliseconds).unref();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count;
    this.#reason = reason;
    if (performance.now() < this.#quietUntil) return;
    this.#quietUntil = performance.now() + reportInterval;
    this.#tell();
  }

  #tell(): void {
    this.#reported = this.#dropped;
    this.#report(`${this.#sink.name}: ${this.#dropped} lines of the log are lost: ${this.#reason}`);
  }
}

import type { MessagePort } from 'node:worker_threads';
import type { Failure } from './failure.js';
import type {
  HostEvent,
  HostReport,
  MetricMessage,
  PrintedLine,
  Range,
  ReadyMessage,
} from './messages.js';
import { Parcel } from './parcel.js';

/** Milliseconds that something waits for more while the thread is busy. */
const longestWait = 0.5;

/** Of what is printed in one message; more is counted and dropped, so that printing never blocks. */
const mostLines = 500;
const mostPrintedCharacters = 64 * 1024;

/** What a handler's thread has to say: one message at the end of each turn of its event loop. */
export class Outbox {
  #report: HostReport = {};
  readonly #parcel = new Parcel();
  #scheduled: NodeJS.Immediate | undefined;
  #since = 0;
  #printedCharacters = 0;

  constructor(private readonly port: MessagePort) {}

  event(event: HostEvent): void {
    this.#schedule();
    this.#report.events ??= [];
    this.#report.events.push(event);
  }

  metric(message: MetricMessage): void {
    this.#schedule();
    this.#report.metrics ??= [];
    this.#report.metrics.push(message);
  }

  print(level: PrintedLine['level'], text: string): void {
    this.#schedule();
    this.#report.printed ??= [];
    const { printed } = this.#report;
    this.#printedCharacters += text.length;
    if (printed.length < mostLines && this.#printedCharacters <= mostPrintedCharacters) {
      printed.push({ level, text });
    } else {
      this.#report.dropped = (this.#report.dropped ?? 0) + 1;
    }
  }

  pong(ping: number, bytes: number): void {
    this.#schedule();
    this.#report.pong = { ping, bytes };
  }

  /** The answer to the start, sent at once. */
  started(answer: { ready: ReadyMessage } | { refused: Failure }): void {
    Object.assign(this.#report, answer);
    this.flush();
  }

  /** Copies bytes, for an event of the same turn. */
  bytes(bytes: Uint8Array): Range {
    return this.#parcel.add(bytes);
  }

  /** Between two requests of the same turn: what has waited for long goes out. */
  flushIfLate(): void {
    if (this.#scheduled !== undefined && performance.now() - this.#since > longestWait)
      this.flush();
  }

  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const report = this.#report;
    this.#report = {};
    this.#printedCharacters = 0;
    if (!this.#parcel.isEmpty) report.bytes = this.#parcel.pack();
    this.port.postMessage(report, report.bytes ?? []);
  }

  #schedule(): void {
    if (this.#scheduled !== undefined) return;
    this.#since = performance.now();
    this.#scheduled = setImmediate(() => this.flush());
  }
}

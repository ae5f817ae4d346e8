import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import type { ModelService } from '../models/model-service.js';
import { Mail } from '../workers/mail.js';
import type { SharedMemories } from '../workers/shared-memories.js';
import {
  type AcceptorOrders,
  type AcceptorReport,
  type AcceptorStart,
  stateWords,
} from './messages.js';
import { Relay } from './relay.js';

const entry = new URL('./acceptor-entry.js', import.meta.url);

/** What an acceptor thread tells the one who has it. */
export interface AcceptorListener {
  /** What is counted and logged. */
  report(report: Pick<AcceptorReport, 'statuses' | 'access' | 'log'>): void;
  /**
   * It is gone.
   *
   * @param reason undefined when it was told to close
   * @param descriptors of connections that it had not taken over yet
   * @param lost connections that have ended with it
   */
  ended(reason: string | undefined, descriptors: readonly number[], lost: number): void;
}

/** One acceptor thread, seen from the main loop: its connections, its requests, its end. */
export class AcceptorThread {
  /** Resolves when it serves; rejects when it has ended before. */
  readonly ready: Promise<void>;
  readonly gone: Promise<void>;
  readonly #worker: Worker;
  readonly #state = new Int32Array(new SharedArrayBuffer(4 * stateWords.count));
  readonly #mail: Mail<AcceptorOrders>;
  readonly #relay: Relay;
  /** Connections that it was given, and those of them that have ended. */
  readonly #given: number[] = [];
  #taken = 0;
  #ended = 0;
  #serves = false;
  #closed = false;
  #reason: string | undefined;

  constructor(
    start: Omit<AcceptorStart, 'state'>,
    service: ModelService,
    memories: SharedMemories,
    private readonly listener: AcceptorListener,
  ) {
    this.#worker = new Worker(entry, { workerData: { ...start, state: this.#state } });
    this.#mail = new Mail<AcceptorOrders>(this.#worker, memories, () => ({}));
    this.#relay = new Relay(service, this.#mail);
    if (service.closing) this.refuse();
    let serves = (): void => {};
    this.ready = new Promise((resolve, reject) => {
      serves = resolve;
      this.#worker.once('exit', () => reject(new Error(this.#reason ?? 'it has ended')));
    });
    this.ready.catch(() => {});
    this.#worker.on('message', (report: AcceptorReport) => {
      if (report.ready === true) {
        this.#serves = true;
        serves();
      }
      this.#take(report);
    });
    this.#worker.on('error', (error) => {
      this.#reason = messageOf(error);
    });
    this.gone = once(this.#worker, 'exit').then(() => this.#end());
  }

  /** Connections that it has. */
  get connections(): number {
    return this.#taken - this.#ended;
  }

  get serves(): boolean {
    return this.#serves;
  }

  /** Gives it a connection. */
  take(descriptor: number): void {
    this.#given.push(descriptor);
    this.#taken += 1;
    this.#mail.push('connections', descriptor);
  }

  /** A memory is gone. */
  forget(memory: number): void {
    this.#mail.forget(memory);
  }

  /** The server refuses what is new. */
  refuse(): void {
    Atomics.store(this.#state, stateWords.closing, 1);
  }

  /** Lets it answer what is in flight; returns when it is gone. */
  close(): Promise<void> {
    if (this.#serves) this.#mail.next.close = true;
    else void this.#worker.terminate();
    this.#closed = true;
    return this.gone;
  }

  #take(report: AcceptorReport): void {
    this.#ended += report.ended ?? 0;
    this.#forgetGiven();
    this.#relay.take(report);
    this.listener.report(report);
    if (report.closed === true) void this.#worker.terminate();
  }

  /** Drops the descriptors that are the thread's. */
  #forgetGiven(): void {
    const waiting = this.#taken - Atomics.load(this.#state, stateWords.opened);
    this.#given.splice(0, this.#given.length - waiting);
  }

  #end(): void {
    this.#serves = false;
    this.#forgetGiven();
    this.#mail.end();
    this.#relay.lose();
    const reason = this.#reason ?? (this.#closed ? undefined : 'it has ended by itself');
    const waiting = this.#given.splice(0);
    this.listener.ended(reason, waiting, this.connections - waiting.length);
  }
}

import { messageOf, SconceError } from '../errors.js';
import type { ChildEnd, PythonChild } from './child.js';
import type { WorkerConnection } from './connection.js';
import { MalformedResponse } from './otf-decoder.js';
import { encodeInference } from './otf-encoder.js';
import { residentMemory } from './resident-memory.js';
import { makeSocketFolder } from './socket-folder.js';
import { endInWords, isOutOfMemory } from './worker-end.js';
import {
  isContinued,
  type WorkerReply,
  type WorkerRequest,
  type WorkerResponse,
} from './worker-messages.js';
import type { WorkerListener, WorkerOptions } from './worker-options.js';
import { WorkerOutput } from './worker-output.js';
import { connectAndLoad, launch } from './worker-start.js';

export type { WorkerMetric } from './metric-line.js';
export type {
  WorkerParameter,
  WorkerReply,
  WorkerRequest,
  WorkerResponse,
} from './worker-messages.js';
export { isContinued } from './worker-messages.js';
export type { WorkerEnd, WorkerListener, WorkerOptions } from './worker-options.js';

/** Milliseconds that a process has to end after it has closed its socket. */
const endTimeout = 2000;

/** What start() has put together. */
interface Parts {
  pid: number;
  loadMilliseconds: number;
  child: PythonChild;
  output: WorkerOutput;
  connection: WorkerConnection;
  listener: WorkerListener;
  removeSocket: () => Promise<void>;
}

/** One Python process with one model, over the protocol of TorchServe's workers. */
export class WorkerProcess {
  readonly pid: number;
  /** From the start of the process to the loaded model. */
  readonly loadMilliseconds: number;
  readonly #child: PythonChild;
  readonly #output: WorkerOutput;
  readonly #connection: WorkerConnection;
  readonly #listener: WorkerListener;
  readonly #gone: Promise<void>;
  #predicting = false;
  /** Requests of batches that were left before their last message. */
  readonly #abandoned = new Set<string>();
  /** Why it was killed from here, where nobody has asked for that. */
  #fault: string | undefined;

  private constructor({ pid, loadMilliseconds, removeSocket, ...parts }: Parts) {
    this.pid = pid;
    this.loadMilliseconds = loadMilliseconds;
    this.#child = parts.child;
    this.#output = parts.output;
    this.#connection = parts.connection;
    this.#listener = parts.listener;
    this.#gone = this.#child.ended.then(async (end) => {
      this.#connection.close();
      await removeSocket();
      const { code, signal } = end;
      this.#listener.exited({ code, signal, reason: this.#reason(end) });
    });
  }

  /**
   * Starts the process, connects and loads the model. When that fails the process is gone before
   * the promise rejects.
   *
   * @throws {SconceError} WORKER_START_FAILED with the exception that the process has printed, or
   *   OUT_OF_MEMORY, as a rejection.
   */
  static async start(options: WorkerOptions, listener: WorkerListener): Promise<WorkerProcess> {
    const began = performance.now();
    const socket = await makeSocketFolder(options.id).catch((error: unknown) => {
      throw new SconceError('WORKER_START_FAILED', `no folder for its socket: ${messageOf(error)}`);
    });
    const output = new WorkerOutput(listener);
    let child: PythonChild | undefined;
    try {
      child = launch(options, socket.path, output);
      const connection = await connectAndLoad(options, socket.path, child, output);
      const loadMilliseconds = performance.now() - began;
      const { pid = 0 } = child;
      const removeSocket = () => socket.remove();
      const parts = { pid, loadMilliseconds, child, output, connection, listener, removeSocket };
      return new WorkerProcess(parts);
    } catch (error) {
      child?.kill();
      await child?.ended;
      await socket.remove();
      if (error instanceof SconceError) throw error;
      throw new SconceError('WORKER_START_FAILED', messageOf(error));
    }
  }

  /**
   * Sends a batch, and yields what comes back until each request has had its last message: one
   * message for all of them, or many where the handler streams. Replies to other requests are left
   * out. The worker waits while what it sends is not taken. One batch at a time.
   *
   * @throws {SconceError} WORKER_DIED or WORKER_OUT_OF_MEMORY with a reason, when the process ends
   *   or sends what is no message; it is gone then.
   */
  async *predict(batch: readonly WorkerRequest[]): AsyncGenerator<WorkerResponse, void, void> {
    if (this.#predicting) throw new SconceError('INTERNAL', 'the worker already has a batch');
    this.#predicting = true;
    const waiting = new Set(batch.map(({ id }) => id));
    try {
      this.#output.lastWords.forget();
      this.#connection.send(encodeInference(batch), Math.max(batch.length, this.#abandoned.size));
      while (waiting.size > 0) {
        const response = await this.#next();
        const replies = response.replies.filter((reply) => this.#settle(reply, waiting));
        if (replies.length > 0) yield { ...response, replies };
      }
    } finally {
      for (const id of waiting) this.#abandoned.add(id);
      this.#predicting = false;
    }
  }

  /** Bytes that the process keeps in memory now; undefined when it is gone. */
  memory(): Promise<number | undefined> {
    return residentMemory(this.pid);
  }

  /** Ends the process and its children, if need be by SIGKILL; resolves when they are gone. */
  stop(): Promise<void> {
    this.#child.stop();
    return this.#gone;
  }

  /** SIGKILL, at once. */
  kill(): void {
    this.#child.kill();
  }

  /** True for a reply to a request of this batch; the last one takes the request off the list. */
  #settle(reply: WorkerReply, waiting: Set<string>): boolean {
    const mine = waiting.has(reply.requestId);
    if (!isContinued(reply)) {
      waiting.delete(reply.requestId);
      this.#abandoned.delete(reply.requestId);
    }
    return mine;
  }

  async #next(): Promise<WorkerResponse> {
    try {
      const response = await this.#connection.next();
      if (response !== undefined) return response;
    } catch (error) {
      if (error instanceof MalformedResponse) {
        this.#fault = error.message;
        this.kill();
      }
    }
    throw await this.#death();
  }

  /** What has happened to a process that has closed its socket. */
  async #death(): Promise<SconceError> {
    const overdue = setTimeout(() => {
      this.#fault = 'it has closed its socket';
      this.kill();
    }, endTimeout);
    const end = await this.#child.ended;
    clearTimeout(overdue);
    const row = isOutOfMemory(end) ? 'WORKER_OUT_OF_MEMORY' : 'WORKER_DIED';
    return new SconceError(row).because(this.#reason(end));
  }

  #reason(end: ChildEnd): string {
    return this.#fault ?? endInWords(end, this.#output.lastWords);
  }
}

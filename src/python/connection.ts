import { connect, type Socket } from 'node:net';
import { ResponseDecoder } from './otf-decoder.js';
import type { WorkerResponse } from './worker-messages.js';

/** A worker's socket. It is read only when a message is asked for: a worker that streams waits. */
export class WorkerConnection {
  readonly #socket: Socket;
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #decoder: ResponseDecoder;
  readonly #decoded: WorkerResponse[] = [];

  private constructor(socket: Socket, maxResponseSize: number) {
    this.#socket = socket;
    this.#decoder = new ResponseDecoder(maxResponseSize);
    // What fails is told to who reads next.
    socket.on('error', () => {});
    this.#pieces = socket[Symbol.asyncIterator]();
  }

  static open(path: string, maxResponseSize: number): Promise<WorkerConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new WorkerConnection(socket, maxResponseSize));
      });
    });
  }

  /** @param replies that each message of the answer may have at most */
  send(parts: readonly Uint8Array[], replies: number): void {
    this.#decoder.maxReplies = replies;
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /**
   * The next message; undefined when the worker has closed the socket.
   *
   * @throws {MalformedResponse} and what reading the socket throws.
   */
  async next(): Promise<WorkerResponse | undefined> {
    for (;;) {
      const response = this.#decoded.shift();
      if (response !== undefined) return response;
      const piece = await this.#pieces.next();
      if (piece.done) return undefined;
      this.#decoded.push(...this.#decoder.push(piece.value));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The open connections of a listener. */
export class Connections {
  /** The newest response on each, undefined before its first request. */
  readonly #newest = new Map<Socket, ServerResponse | undefined>();
  #closing = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      if (this.#closing) {
        socket.destroy();
        return;
      }
      this.#newest.set(socket, undefined);
      socket.once('close', () => this.#newest.delete(socket));
    });
    server.on('request', (request, response) => this.#newest.set(request.socket, response));
  }

  /**
   * Closes those on which nobody waits for an answer, and those that are still to come. Node's
   * closeIdleConnections() spares a client that has connected and sent nothing, or half a head:
   * it would hold up the shutdown for as long as it likes.
   */
  closeUnused(): void {
    this.#closing = true;
    for (const [socket, response] of this.#newest) {
      if (response === undefined || response.writableFinished) socket.destroy();
    }
  }
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** Milliseconds that a client which is sending a request gets to end it when the server closes. */
const uploadGrace = 1000;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/** The open connections of a listener. */
export class Connections {
  /** The newest exchange on each, undefined before its first request. */
  readonly #newest = new Map<Socket, Exchange | undefined>();
  #closing = false;

  constructor(server: Server) {
    // Over TLS requests name the encrypted socket, not the one under it.
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    server.on(event, (socket: Socket) => {
      if (this.#closing) {
        socket.destroy();
        return;
      }
      this.#newest.set(socket, undefined);
      socket.once('close', () => this.#newest.delete(socket));
    });
    server.on('request', (request, response) =>
      this.#newest.set(request.socket, { request, response }),
    );
  }

  /**
   * Closes those on which nobody waits for an answer, and those that are still to come. Node's
   * closeIdleConnections() spares a client that has connected and sent nothing, or half a request:
   * it would hold up the shutdown for as long as it likes.
   */
  closeUnused(): void {
    this.#closing = true;
    this.#destroy((exchange) => exchange === undefined || exchange.response.writableFinished);
    setTimeout(() => {
      this.#destroy((exchange) => exchange?.request.complete === false);
    }, uploadGrace).unref();
  }

  #destroy(which: (exchange: Exchange | undefined) => boolean): void {
    for (const [socket, exchange] of this.#newest) if (which(exchange)) socket.destroy();
  }
}

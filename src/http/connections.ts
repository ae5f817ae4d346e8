import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { endsOf } from './socket-ends.js';

/** Milliseconds that a client which is sending a request gets to end it when the server closes. */
const uploadGrace = 1000;

/** The open connections of a listener. */
export class Connections {
  /** The newest response on each, undefined before its first request. */
  readonly #newest = new Map<Socket, ServerResponse | undefined>();
  /** In a TLS handshake, by their ends: Node does not say which encrypted socket comes of which. */
  readonly #greeting = new Map<string, Socket>();
  #closing = false;

  constructor(server: Server) {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => this.#greet(socket));
      // Requests name the encrypted socket, not the one under it.
      server.on('secureConnection', (socket: Socket) => {
        this.#greeting.delete(endsOf(socket));
        this.#add(socket);
      });
    } else {
      server.on('connection', (socket: Socket) => this.#add(socket));
    }
  }

  /** A request has come. */
  began(response: ServerResponse): void {
    this.#newest.set(response.req.socket, response);
  }

  /**
   * Closes those on which nobody waits for an answer, and those that are still to come. Node's
   * closeIdleConnections() spares a client that has connected and sent nothing, or half a request:
   * it would hold up the shutdown for as long as it likes.
   */
  closeUnused(): void {
    this.#closing = true;
    for (const socket of this.#greeting.values()) socket.destroy();
    this.#destroy((response) => response === undefined || response.writableFinished);
    for (const [socket, response] of this.#newest) {
      if (response !== undefined) this.#closeBehind(socket, response);
    }
    setTimeout(() => {
      this.#destroy((response) => response?.req.complete === false);
    }, uploadGrace).unref();
  }

  /**
   * Sends what answers bytes that are not HTTP, and closes. Requests that came before them on the
   * connection get their answers first.
   */
  refuse(socket: Socket, refusal: string): void {
    const response = this.#newest.get(socket);
    const send = () => {
      if (socket.writable) socket.end(refusal);
    };
    if (response?.req.complete !== true) send();
    else if (!response.writableFinished) response.once('finish', send);
    // Written, but Node may not have closed the connection yet, when the answer was its last.
    else setImmediate(send);
  }

  /** A response that began before the server closed may have promised to keep the connection. */
  #closeBehind(socket: Socket, response: ServerResponse): void {
    response.once('finish', () => {
      if (this.#newest.get(socket) === response) socket.destroySoon();
    });
  }

  #greet(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    const ends = endsOf(socket);
    this.#greeting.set(ends, socket);
    socket.once('close', () => this.#greeting.delete(ends));
  }

  #add(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    this.#newest.set(socket, undefined);
    socket.once('close', () => this.#newest.delete(socket));
  }

  #destroy(which: (response: ServerResponse | undefined) => boolean): void {
    for (const [socket, response] of this.#newest) if (which(response)) socket.destroy();
  }
}

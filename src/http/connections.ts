import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { type Placed, UnorderedSet } from '../collections/unordered-set.js';
import { SocketsByEnds } from './socket-ends.js';

/** Milliseconds that a client which is sending a request gets to end it when the server closes. */
const uploadGrace = 1000;

class Connection implements Placed {
  place: number | undefined;
  /** Undefined before its first request. */
  newest: ServerResponse | undefined;

  constructor(readonly socket: Socket) {}
}

/** The open connections of a listener. */
export class Connections {
  readonly #open = new UnorderedSet<Connection>();
  readonly #bySocket = new WeakMap<Socket, Connection>();
  /** In a TLS handshake. */
  readonly #greeting = new SocketsByEnds();
  #closing = false;

  constructor(server: Server) {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => this.#greet(socket));
      // Requests name the encrypted socket, not the one under it.
      server.on('secureConnection', (socket: Socket) => {
        this.#greeting.forget(socket);
        this.#add(socket);
      });
    } else {
      server.on('connection', (socket: Socket) => this.#add(socket));
    }
  }

  /** A request has come. */
  began(response: ServerResponse): void {
    const connection = this.#bySocket.get(response.req.socket);
    if (connection !== undefined) connection.newest = response;
  }

  /**
   * Closes those on which nobody waits for an answer, and those that are still to come. Node's
   * closeIdleConnections() spares a client that has connected and sent nothing, or half a request:
   * it would hold up the shutdown for as long as it likes.
   */
  closeUnused(): void {
    this.#closing = true;
    for (const socket of this.#greeting.all) socket.destroy();
    this.#destroy((response) => response === undefined || response.writableFinished);
    for (const connection of this.#open.all) closeBehindNewest(connection);
    setTimeout(() => {
      this.#destroy((response) => response?.req.complete === false);
    }, uploadGrace).unref();
  }

  /**
   * Sends what answers bytes that are not HTTP, and closes. Requests that came before them on the
   * connection get their answers first.
   */
  refuse(socket: Socket, refusal: string): void {
    const response = this.#bySocket.get(socket)?.newest;
    const send = () => {
      if (socket.writable) socket.end(refusal);
    };
    if (response?.req.complete !== true) send();
    else if (!response.writableFinished) response.once('finish', send);
    // Written, but Node may not have closed the connection yet, when the answer was its last.
    else setImmediate(send);
  }

  #greet(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    this.#greeting.add(socket);
  }

  #add(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket);
    this.#open.add(connection);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => this.#open.delete(connection));
  }

  #destroy(which: (response: ServerResponse | undefined) => boolean): void {
    for (const { newest, socket } of this.#open.all) if (which(newest)) socket.destroy();
  }
}

/** A response that began before the server closed may have promised to keep the connection. */
function closeBehindNewest(connection: Connection): void {
  const { newest, socket } = connection;
  newest?.once('finish', () => {
    if (connection.newest === newest) socket.destroySoon();
  });
}

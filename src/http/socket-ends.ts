import type { Socket } from 'node:net';
import { NumberedEntries } from '../collections/numbered-entries.js';

interface Known {
  ends: string;
  socket: Socket;
}

/**
 * Sockets under encrypted ones, by their ends, which both have in common and no two connections do:
 * Node does not say which encrypted socket comes of which.
 */
export class SocketsByEnds {
  /** By the client's port. */
  readonly #known = new NumberedEntries<Known[]>();

  get all(): Socket[] {
    return this.#known.all.flat().map(({ socket }) => socket);
  }

  /** Keeps a socket until it closes. */
  add(socket: Socket): void {
    const port = portOf(socket);
    const known = { ends: endsOf(socket), socket };
    const others = this.#known.get(port);
    if (others === undefined) this.#known.set(port, [known]);
    else others.push(known);
    // A socket that is closed has no ends any more.
    socket.once('close', () => this.#keep(port, (other) => other !== known));
  }

  /** The socket under an encrypted one. */
  under(secure: Socket): Socket | undefined {
    const ends = endsOf(secure);
    return this.#known.get(portOf(secure))?.find((known) => known.ends === ends)?.socket;
  }

  /** The socket under an encrypted one is not asked for any more. */
  forget(secure: Socket): void {
    const ends = endsOf(secure);
    this.#keep(portOf(secure), (known) => known.ends !== ends);
  }

  #keep(port: number, which: (known: Known) => boolean): void {
    const left = this.#known.take(port)?.filter(which) ?? [];
    if (left.length > 0) this.#known.set(port, left);
  }
}

/** Unix sockets have none. */
function portOf({ remotePort = 0 }: Socket): number {
  return remotePort;
}

function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

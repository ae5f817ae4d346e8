import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawReply {
  /** `HTTP/1.1 200 ` */
  statusLine: string;
  status: number;
  /** By lower-case name. */
  headers: Map<string, string>;
  body: string;
}

const headEnd = '\r\n\r\n';

/** A socket that sends exactly the bytes it is told to, and takes replies apart. */
export class RawConnection {
  #received = '';
  #ended = false;
  #wasReset = false;
  #wake = () => {};

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    // A reset is how some of the refusals look from here; `close` follows.
    socket.on('error', () => {
      this.#wasReset = true;
    });
  }

  /** @param url of a listener: `http://127.0.0.1:8080` */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Ends our side; the server's side stays open. */
  end(): void {
    this.socket.end();
  }

  /** Hangs up. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Hangs up with a reset instead of an end. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** The next reply on this connection. */
  async reply(): Promise<RawReply> {
    const end = await this.#find(() => this.#received.indexOf(headEnd));
    const [statusLine = '', ...lines] = this.#received.slice(0, end).split('\r\n');
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const start = end + headEnd.length;
    const status = Number(statusLine.split(' ')[1]);
    const length = status < 200 ? 0 : Number(headers.get('content-length'));
    const bodyEnd = start + length;
    await this.#find(() => (this.#received.length >= bodyEnd ? 0 : -1));
    const body = this.#received.slice(start, bodyEnd);
    this.#received = this.#received.slice(bodyEnd);
    return { statusLine, status, headers, body };
  }

  /** The text up to `end`, as it comes, and `end` itself. */
  async take(end: string): Promise<string> {
    const start = await this.#find(() => this.#received.indexOf(end));
    const taken = this.#received.slice(0, start + end.length);
    this.#received = this.#received.slice(taken.length);
    return taken;
  }

  /** Reads nothing more, so that the server's side fills up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Resolves when the server has closed the connection; the text that was not read as a reply. */
  async closed(): Promise<string> {
    while (!this.#ended) await this.#change();
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#ended;
  }

  /** True when the connection did not end in order. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  async #find(look: () => number): Promise<number> {
    for (;;) {
      const found = look();
      if (found >= 0) return found;
      assert.ok(!this.#ended, `the connection closed after ${JSON.stringify(this.#received)}`);
      await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A request as text. */
export function rawRequest(
  path: string,
  body = '',
  { method = 'POST', headers = [] }: { method?: string; headers?: string[] } = {},
): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: test',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}${headEnd}${body}`;
}

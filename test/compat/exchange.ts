import { connect } from 'node:net';

/** A request that is sent byte for byte. */
export interface WireRequest {
  method: string;
  /** With the query, as it stands in the request line. */
  path: string;
  /** In the order on the wire; `Host: localhost` is added in front unless one is given. */
  headers?: readonly (readonly [name: string, value: string])[];
  /** Gets a content-length unless the headers frame it. */
  body?: string | Uint8Array;
  /** All the bytes to send, instead of the above. */
  raw?: string;
}

/** A reply as it came over the wire. */
export interface WireReply {
  /** `HTTP/1.1 200 `: the reason phrase of a prediction is empty. */
  statusLine: string;
  headers: [name: string, value: string][];
  body: Buffer;
  /** Whether the server closed the connection after it. */
  closed: boolean;
}

/** Where a listener is; `path` is that of a Unix socket. */
export type Endpoint = { host: string; port: number } | { path: string };

const headEnd = Buffer.from('\r\n\r\n');

/** Milliseconds that a reply may take. */
const patience = 60_000;

/** The bytes of a request. */
export function requestBytes(request: WireRequest): Buffer {
  if (request.raw !== undefined) return Buffer.from(request.raw, 'latin1');
  const { method, path, headers = [], body } = request;
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`${method} ${path} HTTP/1.1`];
  if (!names.has('host')) lines.push('Host: localhost');
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`));
  const bytes = Buffer.from(body ?? '');
  const framed = names.has('content-length') || names.has('transfer-encoding');
  if (body !== undefined && !framed) lines.push(`Content-Length: ${bytes.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

/**
 * Sends one request on a connection of its own and reads one reply. When the reply says that the
 * connection ends, waits until it has.
 */
export function exchange(endpoint: Endpoint, request: WireRequest): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...endpoint });
    const reader = new ReplyReader(request.method === 'HEAD');
    const finish = (closed: boolean) => {
      socket.destroy();
      try {
        resolve(reader.reply(closed));
      } catch (error) {
        reject(error);
      }
    };
    socket.setTimeout(patience, () => {
      socket.destroy();
      reject(new Error(`no reply within ${patience} ms, only ${reader.received}`));
    });
    socket.on('data', (chunk) => {
      reader.push(chunk);
      if (reader.complete && !reader.announcesClose) finish(false);
    });
    // A reset after the reply is one way to close; before it, there is nothing to read.
    socket.on('error', (error) => (reader.complete ? finish(true) : reject(error)));
    socket.on('end', () => finish(true));
    socket.on('connect', () => socket.write(requestBytes(request)));
  });
}

class ReplyReader {
  #bytes = Buffer.alloc(0);

  constructor(private readonly withoutBody: boolean) {}

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    // `100 Continue` stands in front of the reply proper.
    while (/^HTTP\/1\.1 1\d\d /.test(this.received) && this.#headLength() > 0) {
      this.#bytes = this.#bytes.subarray(this.#headLength());
    }
  }

  get received(): string {
    return this.#bytes.toString('latin1');
  }

  get complete(): boolean {
    return this.#headLength() > 0 && this.#bodyEnd() <= this.#bytes.length;
  }

  get announcesClose(): boolean {
    return this.#header('connection')?.toLowerCase() === 'close';
  }

  reply(closed: boolean): WireReply {
    if (!this.complete) {
      throw new Error(`the connection closed after ${JSON.stringify(this.received)}`);
    }
    const [statusLine = ''] = this.#head();
    const body = this.#bytes.subarray(this.#headLength(), closed ? undefined : this.#bodyEnd());
    return { statusLine, headers: this.#headers(), body: Buffer.from(body), closed };
  }

  /** Bytes up to the body; 0 while the head is incomplete. */
  #headLength(): number {
    const at = this.#bytes.indexOf(headEnd);
    return at < 0 ? 0 : at + headEnd.length;
  }

  #head(): string[] {
    return this.#bytes.toString('latin1', 0, this.#headLength() - headEnd.length).split('\r\n');
  }

  #headers(): [string, string][] {
    return this.#head()
      .slice(1)
      .map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      });
  }

  #header(name: string): string | undefined {
    return this.#headers().find(([given]) => given.toLowerCase() === name)?.[1];
  }

  /** Where the body ends; beyond all bytes while that cannot be said. */
  #bodyEnd(): number {
    const start = this.#headLength();
    if (this.withoutBody) return start;
    const length = this.#header('content-length');
    if (length !== undefined) return start + Number(length);
    const last = this.#bytes.indexOf('\r\n0\r\n\r\n', start - 2);
    return last < 0 ? Number.POSITIVE_INFINITY : last + 7;
  }
}

import { randomFillSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a client may send as an id: it stands in logs and comes back in a header. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The id of a request: the client's x-request-id, or a fresh one. */
export function createRequestId(request?: IncomingMessage): string {
  const given = request?.headers['x-request-id'];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : freshIds.next();
}

const idLength = 36;
const randomBytes = 16;
const digits = Buffer.from('0123456789abcdef');

/** Bytes of an id behind which a hyphen stands. */
const groupEnds: ReadonlySet<number> = new Set([3, 5, 7, 9]);

/**
 * Random UUIDs (RFC 9562, version 4), written many at a time: crypto.randomUUID() joins each of some
 * twenty strings, which is a tenth of what answering a request allocates.
 */
class RandomIds {
  static readonly #count = 128;
  readonly #bytes = Buffer.alloc(RandomIds.#count * randomBytes);
  readonly #letters = Buffer.alloc(RandomIds.#count * idLength, '-');
  #text = '';
  #at = 0;

  next(): string {
    if (this.#at === this.#text.length) this.#fill();
    const start = this.#at;
    this.#at += idLength;
    return this.#text.slice(start, this.#at);
  }

  #fill(): void {
    const bytes = this.#bytes;
    const letters = this.#letters;
    randomFillSync(bytes);
    let to = 0;
    for (let from = 0; from < bytes.length; from += 1) {
      const place = from % randomBytes;
      let byte = bytes[from] ?? 0;
      if (place === 6) byte = 0x40 | (byte & 0x0f);
      if (place === 8) byte = 0x80 | (byte & 0x3f);
      letters[to] = digits[byte >> 4] ?? 0;
      letters[to + 1] = digits[byte & 0xf] ?? 0;
      to += groupEnds.has(place) ? 3 : 2;
    }
    this.#text = letters.toString('latin1');
    this.#at = 0;
  }
}

const freshIds = new RandomIds();

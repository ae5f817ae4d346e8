import type { WorkerReply, WorkerResponse } from './worker-messages.js';

/** Bytes of one message that are no bodies: identifiers, phrases, headers, lengths. */
const longestTexts = 16 * 1024 * 1024;

/** A message that is none, or too large: where in it, counted from its first byte. */
export class MalformedResponse extends Error {
  constructor(offset: number, what: string) {
    super(`its response is malformed at byte ${offset}: ${what}`);
    this.name = 'MalformedResponse';
  }
}

/** So many of the next bytes, either to be read or to be thrown away. */
interface Want {
  bytes: number;
  skip: boolean;
}

/** Asks for bytes and goes on when they are there. */
type Reading<Result> = Generator<Want, Result, Uint8Array>;

const nothing = new Uint8Array(0);

/**
 * Messages of a worker, as `ts/protocol/otf_message_handler.py` writes them, from pieces of any
 * size. Each byte is looked at once.
 *
 * A message: code, text, replies, −1. A reply: request, content type, status, phrase, number of
 * headers, headers (name, value), body. Integers have 32 bits, most significant byte first; what
 * is not a number has its length before it.
 */
export class ResponseDecoder {
  /** Replies that a message may have: the requests of the batch. */
  maxReplies = 0;
  readonly #reading: Reading<never>;
  readonly #complete: WorkerResponse[] = [];
  #want: Want;
  /** What is there of the bytes that are wanted, when they come in more than one piece. */
  #gathered: Uint8Array | undefined;
  #filled = 0;
  /** Of the bytes that are wanted, in the message. */
  #offset = 0;
  #texts = 0;

  /** @param maxBody bytes of one reply's body; larger ones are thrown away as they come. */
  constructor(private readonly maxBody: number) {
    this.#reading = this.#readMessages();
    this.#want = this.#reading.next().value;
  }

  /**
   * The messages that end in this piece. Bodies may share its memory.
   *
   * @throws {MalformedResponse} after which nothing more can be decoded.
   */
  push(piece: Uint8Array): WorkerResponse[] {
    let at = 0;
    for (;;) {
      const { bytes, skip } = this.#want;
      const part = piece.subarray(at, at + bytes - this.#filled);
      at += part.length;
      if (!skip && part.length > 0 && part.length < bytes) {
        // Of its own: it may outlive the pieces, and be long.
        this.#gathered ??= Buffer.allocUnsafeSlow(bytes);
        this.#gathered.set(part, this.#filled);
      }
      this.#filled += part.length;
      if (this.#filled < bytes) return this.#complete.splice(0);
      const value = skip ? nothing : (this.#gathered ?? part);
      this.#offset += bytes;
      this.#gathered = undefined;
      this.#filled = 0;
      this.#want = this.#reading.next(value).value;
    }
  }

  *#readMessages(): Reading<never> {
    for (;;) {
      const code = yield* this.#int();
      const message = yield* this.#text('the message');
      const replies: WorkerReply[] = [];
      for (;;) {
        const length = yield* this.#int();
        if (length === -1) break;
        if (replies.length === this.maxReplies) {
          throw this.#malformed(`more replies than requests (${this.maxReplies})`);
        }
        replies.push(yield* this.#reply(length));
      }
      this.#complete.push({ code, message, replies });
      this.#offset = 0;
      this.#texts = 0;
    }
  }

  *#reply(idLength: number): Reading<WorkerReply> {
    const requestId = decode(yield* this.#bytes('a request', idLength));
    const contentType = yield* this.#characters('a content type');
    const status = yield* this.#int();
    const phrase = yield* this.#characters('a phrase');
    const headers: [string, string][] = [];
    const count = yield* this.#int();
    if (count < 0) throw this.#malformed(`${count} headers`);
    for (let i = 0; i < count; i++) {
      headers.push([yield* this.#text('the name of a header'), yield* this.#text('a header')]);
    }
    const length = yield* this.#int();
    if (length < 0) throw this.#malformed(`a body of ${length} bytes`);
    const tooLarge = length > this.maxBody;
    const body = yield { bytes: length, skip: tooLarge };
    const type = contentType === '' ? undefined : contentType;
    return { requestId, contentType: type, status, phrase, headers, body, tooLarge };
  }

  *#int(): Reading<number> {
    this.#spend('an integer', 4);
    const bytes = yield { bytes: 4, skip: false };
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
  }

  *#text(what: string): Reading<string> {
    return decode(yield* this.#bytes(what, yield* this.#int()));
  }

  *#bytes(what: string, length: number): Reading<Uint8Array> {
    this.#spend(what, length);
    return yield { bytes: length, skip: false };
  }

  /** A text before which the worker writes its length in characters, not in bytes. */
  *#characters(what: string): Reading<string> {
    const characters = yield* this.#int();
    let bytes = yield* this.#bytes(what, characters);
    for (;;) {
      const missing = missingBytes(bytes, characters);
      if (missing === 0) return decode(bytes);
      bytes = Buffer.concat([bytes, yield* this.#bytes(what, missing)]);
    }
  }

  #spend(what: string, bytes: number): void {
    if (bytes < 0) throw this.#malformed(`${what} of ${bytes} bytes`);
    this.#texts += bytes;
    if (this.#texts > longestTexts) {
      throw this.#malformed(`${what} of ${bytes} bytes; all texts may have ${longestTexts}`);
    }
  }

  #malformed(what: string): MalformedResponse {
    return new MalformedResponse(this.#offset, what);
  }
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** Bytes that at least follow until these UTF-8 bytes are so many characters. */
function missingBytes(bytes: Uint8Array, characters: number): number {
  let at = 0;
  let seen = 0;
  for (; seen < characters && at < bytes.length; seen++) at += characterLength(bytes[at] ?? 0);
  return Math.max(at - bytes.length, 0) + (characters - seen);
}

function characterLength(firstByte: number): number {
  if (firstByte < 0xc0) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}

import { SconceError } from '../../errors.js';

/** Where a value of a JSON text begins, and the byte after its end. */
export interface JsonSlice {
  start: number;
  end: number;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
/** Bytes of an array from which on looking for its end costs less than walking there. */
const worthwhile = 256;

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** What a value is, by the byte that it begins with. */
const kinds: ReadonlyMap<number, string> = new Map([
  [openArray, 'an array'],
  [openObject, 'an object'],
  [quote, 'text'],
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
]);

/**
 * Takes a JSON text apart without making values of it: rows go from the bytes of a body to where
 * they belong with every digit. What lies within a slice is checked by whoever reads it.
 */
export class JsonSlices {
  readonly #bytes: Buffer;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
  }

  /** Where the text's own value begins. Throws INVALID_REQUEST when there is none. */
  get start(): number {
    const marked = byteOrderMark.every((byte, i) => this.#bytes[i] === byte);
    const start = this.#pastSpace(marked ? byteOrderMark.length : 0);
    if (start < this.#bytes.length) return start;
    throw new SconceError('INVALID_REQUEST', 'the body is empty; expected JSON');
  }

  /** The members of the object that the text is. Throws as membersOf(). */
  get members(): Map<string, JsonSlice> {
    const members = new Map<string, JsonSlice>();
    const rest = this.#pastSpace(this.#readMembers(this.start, members));
    if (rest === this.#bytes.length) return members;
    throw this.#unexpected(rest, 'the end of the body');
  }

  /** `an array`, `an object`, `text`, `a number`, `true`, `false` or `null`. */
  kindOf({ start }: Pick<JsonSlice, 'start'>): string {
    return kinds.get(this.#bytes[start] ?? 0) ?? 'a number';
  }

  /**
   * The members of an object; of equal names the last.
   *
   * @throws {SconceError} INVALID_REQUEST with the byte where the text stops being JSON
   */
  membersOf({ start }: JsonSlice): Map<string, JsonSlice> {
    const members = new Map<string, JsonSlice>();
    this.#readMembers(start, members);
    return members;
  }

  /** The elements of an array. Throws as membersOf(). */
  elementsOf({ start }: JsonSlice): JsonSlice[] {
    const elements: JsonSlice[] = [];
    this.#walk(start, closeArray, (at) => {
      const element = this.#sliceAt(at);
      elements.push(element);
      return element.end;
    });
    return elements;
  }

  /** The bytes of a value, in place. */
  bytesOf({ start, end }: JsonSlice): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  textOf({ start, end }: JsonSlice): string {
    return this.#bytes.toString('utf8', start, end);
  }

  /** The value as JavaScript has it. Throws as membersOf(). */
  valueOf(slice: JsonSlice): unknown {
    try {
      return JSON.parse(this.textOf(slice));
    } catch {
      throw this.#unexpected(slice.start, 'a value');
    }
  }

  #sliceAt(start: number): JsonSlice {
    return { start, end: this.#endOf(start) };
  }

  /** Returns the byte after the object. */
  #readMembers(start: number, members: Map<string, JsonSlice>): number {
    return this.#walk(start, closeObject, (at) => {
      if (this.#bytes[at] !== quote) throw this.#unexpected(at, 'a name in quotes');
      const name = { start: at, end: this.#endOfText(at) };
      const separator = this.#pastSpace(name.end);
      if (this.#bytes[separator] !== colon) throw this.#unexpected(separator, '":"');
      const value = this.#sliceAt(this.#pastSpace(separator + 1));
      members.set(String(this.valueOf(name)), value);
      return value.end;
    });
  }

  /** Calls `read` with the start of each item; it returns the item's end. */
  #walk(start: number, close: number, read: (at: number) => number): number {
    let at = this.#pastSpace(start + 1);
    if (this.#bytes[at] === close) return at + 1;
    for (;;) {
      at = this.#pastSpace(read(at));
      if (this.#bytes[at] === close) return at + 1;
      if (this.#bytes[at] !== comma) {
        throw this.#unexpected(at, `"," or "${String.fromCharCode(close)}"`);
      }
      at = this.#pastSpace(at + 1);
    }
  }

  /** The byte after the value that begins here. */
  #endOf(start: number): number {
    const first = this.#bytes[start];
    if (first === quote) return this.#endOfText(start);
    if (first === openArray || first === openObject) return this.#endOfGroup(start);
    let at = start;
    while (isOfScalar(this.#bytes[at])) at += 1;
    if (at === start) throw this.#unexpected(start, 'a value');
    return at;
  }

  #endOfText(start: number): number {
    let at = start;
    for (;;) {
      at = this.#bytes.indexOf(quote, at + 1);
      if (at < 0) throw this.#unexpected(this.#bytes.length, '"');
      let before = at - 1;
      while (this.#bytes[before] === backslash) before -= 1;
      if ((at - before) % 2 === 1) return at + 1;
    }
  }

  #endOfGroup(start: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === quote) {
        at = this.#endOfText(at) - 1;
      } else if (byte === openArray) {
        depth += 1;
        at = this.#pastNumbers(at);
      } else if (byte === openObject) {
        depth += 1;
      } else if (byte === closeArray || byte === closeObject) {
        depth -= 1;
        if (depth === 0) return at + 1;
      }
    }
    throw this.#unexpected(bytes.length, '"]" or "}"');
  }

  /** The last byte of a long array of nothing but numbers, which needs no walk; else `start`. */
  #pastNumbers(start: number): number {
    const close = this.#bytes.indexOf(closeArray, start);
    if (close - start < worthwhile) return start;
    const inner = this.#bytes.subarray(start + 1, close);
    const isFlat = [openArray, openObject, quote].every((byte) => inner.indexOf(byte) < 0);
    return isFlat ? close - 1 : start;
  }

  #pastSpace(start: number): number {
    let at = start;
    while (isSpace(this.#bytes[at])) at += 1;
    return at;
  }

  #unexpected(at: number, expected: string): SconceError {
    const byte = this.#bytes[at];
    const shown = byte === undefined ? 'the end of the body' : inQuotes(byte);
    return new SconceError(
      'INVALID_REQUEST',
      `the body is not valid JSON at byte ${at}: expected ${expected}, found ${shown}`,
    );
  }
}

function inQuotes(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? JSON.stringify(String.fromCharCode(byte))
    : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Letters, digits, signs and the point: what numbers and words are made of. */
function isOfScalar(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e
  );
}

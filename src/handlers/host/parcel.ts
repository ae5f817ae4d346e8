import type { Range } from './messages.js';

/** Small ranges share buffers of this many bytes. */
const pageBytes = 16 * 1024;

/**
 * Byte ranges copied into a few buffers, which are moved with a message: a small buffer of Node's
 * pool would drag the whole pool along. What was added may be changed afterwards.
 */
export class Parcel {
  #pages: Uint8Array[] = [];
  /** Bytes used of the last page. */
  #used = 0;

  get isEmpty(): boolean {
    return this.#pages.length === 0;
  }

  /** Copies bytes; they start at a multiple of 8 bytes. */
  add(bytes: Uint8Array): Range {
    const { target, range } = this.#take(bytes.byteLength);
    target.set(bytes);
    return range;
  }

  /** The buffers; the parcel is empty afterwards. */
  pack(): ArrayBuffer[] {
    const pages = this.#pages;
    this.#pages = [];
    this.#used = 0;
    return pages.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
  }

  #take(length: number): { target: Uint8Array; range: Range } {
    let page = this.#pages.at(-1);
    if (page === undefined || this.#used + length > page.byteLength) {
      // Not of the pool, and not filled with zeros.
      page = Buffer.allocUnsafeSlow(Math.max(pageBytes, length));
      this.#pages.push(page);
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used = Math.ceil((offset + length) / 8) * 8;
    const target = page.subarray(offset, offset + length);
    return { target, range: { buffer: this.#pages.length - 1, offset, length } };
  }
}

const nothing = new ArrayBuffer(0);

/** A range of the buffers that came with its message. */
export function unpack(
  buffers: readonly ArrayBuffer[] | undefined,
  { buffer, offset, length }: Range,
): Uint8Array {
  return new Uint8Array(buffers?.[buffer] ?? nothing, offset, length);
}

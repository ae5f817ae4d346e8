import type { BodyBudget } from './body-budget.js';

/** The smallest piece that is lent: bodies below it are cheaper to copy than to keep track of. */
export const smallestPiece = 16 * 1024;

const mebibyte = 1024 * 1024;

/** Most bytes that are kept while no body needs them, and the largest piece of these. */
const mostIdle = 64 * mebibyte;
const largestIdle = mostIdle / 4;

/** Milliseconds without a body after which nothing is kept. */
const idleTimeout = 10_000;

/**
 * Shared memory for large bodies, in pieces of powers of two, which are used again: every thread
 * reads a body where it lies, and what would else be garbage of each request holds up nobody.
 *
 * Only who knows that nobody reads a body any more may give its memory back. Whoever does not know
 * forgets it: then it is garbage as everything else.
 */
export class BodyMemory {
  /** By their size. */
  readonly #idle = new Map<number, SharedArrayBuffer[]>();
  #idleBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #lent = new WeakMap<Uint8Array, SharedArrayBuffer>();

  /** @param budget counts what is being written to and what is idle */
  constructor(readonly budget: BodyBudget) {}

  /** Bytes that no body needs. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Takes bytes of the budget, before which what is idle goes; false when there are not as many. */
  reserve(bytes: number): boolean {
    if (this.budget.take(bytes)) return true;
    if (this.#idleBytes === 0) return false;
    this.#forgetIdle();
    return this.budget.take(bytes);
  }

  /**
   * Memory of at least so many bytes, which holds what earlier bodies left there; undefined when the
   * budget has not as many.
   */
  take(bytes: number): SharedArrayBuffer | undefined {
    const size = sizeFor(bytes);
    const known = this.#idle.get(size)?.pop();
    if (known !== undefined) {
      this.#idleBytes -= size;
      return known;
    }
    return this.reserve(size) ? new SharedArrayBuffer(size) : undefined;
  }

  /** Takes back memory that holds no body. */
  give(memory: SharedArrayBuffer): void {
    const { byteLength } = memory;
    if (byteLength > largestIdle || this.#idleBytes + byteLength > mostIdle) {
      this.budget.give(byteLength);
      return;
    }
    const pieces = this.#idle.get(byteLength);
    if (pieces === undefined) this.#idle.set(byteLength, [memory]);
    else pieces.push(memory);
    this.#idleBytes += byteLength;
    this.#watch();
  }

  /** The body that lies at the start of a memory; it does not count as being read any more. */
  lend(memory: SharedArrayBuffer, length: number): Uint8Array {
    this.budget.give(memory.byteLength);
    const body = new Uint8Array(memory, 0, length);
    this.#lent.set(body, memory);
    return body;
  }

  /** Whether the memory of a body can be given back. */
  has(body: Uint8Array): boolean {
    return this.#lent.has(body);
  }

  /** Nobody reads this body any more. Only the first call for it counts. */
  release(body: Uint8Array): void {
    const memory = this.#lent.get(body);
    if (memory === undefined) return;
    this.#lent.delete(body);
    // What is idle counts again; bodies that are being read come first.
    if (this.budget.take(memory.byteLength)) this.give(memory);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#forgetIdle(), idleTimeout).unref();
  }

  #forgetIdle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.budget.give(this.#idleBytes);
    this.#idleBytes = 0;
    this.#idle.clear();
  }
}

function sizeFor(bytes: number): number {
  return Math.max(smallestPiece, 2 ** Math.ceil(Math.log2(bytes)));
}

import { SconceError } from '../errors.js';
import { holdsKey } from './bearer.js';
import type { Key } from './key-file.js';

/** Longest key, in bytes of ASCII. */
const longestKey = 64;

/** Bytes of the head: a count of changes, the key's length, and when it expires. */
const headBytes = 16;

/** A key in memory that every thread sees: one thread renews it, all check it at once. */
export class SharedKey {
  readonly #words: Int32Array;
  readonly #expires: Float64Array;
  readonly #text: Uint8Array;

  /** @param memory of the key that another thread has shared */
  constructor(readonly memory = new SharedArrayBuffer(headBytes + longestKey)) {
    this.#words = new Int32Array(memory, 0, 2);
    this.#expires = new Float64Array(memory, 8, 1);
    this.#text = new Uint8Array(memory, headBytes);
  }

  /** Replaces the key; on one thread only. */
  set({ key, expires }: Key): void {
    // An odd count: it is being changed.
    Atomics.add(this.#words, 0, 1);
    Atomics.store(this.#words, 1, key.length);
    this.#expires[0] = expires?.getTime() ?? Number.POSITIVE_INFINITY;
    this.#text.set(Buffer.from(key, 'latin1'));
    Atomics.add(this.#words, 0, 1);
  }

  /**
   * Checks the value of an Authorization header.
   *
   * @throws {SconceError} TOKEN_REFUSED when it is not the key, or that has expired
   */
  authorize(_kind: string, authorization: string | undefined): void {
    if (!holdsKey(this.#read(), authorization, new Date())) throw new SconceError('TOKEN_REFUSED');
  }

  #read(): Key {
    for (;;) {
      const before = Atomics.load(this.#words, 0);
      const length = Atomics.load(this.#words, 1);
      const expires = this.#expires[0] ?? 0;
      const key = Buffer.from(this.#text.slice(0, length)).toString('latin1');
      if (before % 2 === 0 && Atomics.load(this.#words, 0) === before) {
        return {
          key,
          expires: expires === Number.POSITIVE_INFINITY ? undefined : new Date(expires),
        };
      }
    }
  }
}

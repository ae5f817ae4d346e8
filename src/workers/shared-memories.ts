/**
 * Numbers for pieces of shared memory, by which threads know them: telling a thread of one costs
 * more than most requests. A number ends with its memory.
 */
export class SharedMemories {
  readonly #numbers = new WeakMap<SharedArrayBuffer, number>();
  readonly #collected: FinalizationRegistry<number>;
  #next = 1;

  /** @param gone called with the number of a memory that nobody has any more */
  constructor(gone: (number: number) => void) {
    this.#collected = new FinalizationRegistry(gone);
  }

  numberOf(memory: SharedArrayBuffer): number {
    const known = this.#numbers.get(memory);
    if (known !== undefined) return known;
    const number = this.#next;
    this.#next += 1;
    this.#numbers.set(memory, number);
    this.#collected.register(memory, number);
    return number;
  }
}

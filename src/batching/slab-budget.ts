/** Something that can give up slabs nobody is using. */
export interface SlabHolder {
  /** When its last reservation came, in the clock's milliseconds. */
  readonly lastUsed: number;
  /** Frees idle slabs; returns the bytes given back. */
  releaseIdle(): number;
}

/**
 * One limit on the slab memory of all models, and limits of single models within it. The least
 * recently used rings shrink first.
 */
export class SlabBudget {
  #used = 0;
  readonly #holders = new Set<SlabHolder>();

  /**
   * @param limit bytes
   * @param setting where the limit comes from, for messages
   */
  constructor(
    readonly limit: number,
    readonly setting = 'slabMemory',
    private readonly whole?: SlabBudget,
  ) {}

  /**
   * The budget of one model within this one.
   *
   * @param limit bytes; what is more than the whole has no effect
   */
  within(limit: number, setting: string): SlabBudget {
    return limit < this.limit ? new SlabBudget(limit, setting, this) : this;
  }

  /** Bytes of all slabs that exist. */
  get used(): number {
    return this.#used;
  }

  join(holder: SlabHolder): void {
    this.#holders.add(holder);
    this.whole?.join(holder);
  }

  leave(holder: SlabHolder): void {
    this.#holders.delete(holder);
    this.whole?.leave(holder);
  }

  /**
   * Takes `bytes`, shrinking other holders if need be.
   *
   * @returns the budget that has no room, if there is one: nothing is taken then
   */
  take(bytes: number, taker: SlabHolder): SlabBudget | undefined {
    if (this.#used + bytes > this.limit) this.#makeRoom(bytes, taker);
    if (this.#used + bytes > this.limit) return this;
    const full = this.whole?.take(bytes, taker);
    if (full === undefined) this.#used += bytes;
    return full;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.whole?.give(bytes);
  }

  #makeRoom(bytes: number, taker: SlabHolder): void {
    const oldestFirst = [...this.#holders]
      .filter((holder) => holder !== taker)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    for (const holder of oldestFirst) {
      holder.releaseIdle();
      if (this.#used + bytes <= this.limit) return;
    }
  }
}

/** Something that can give up slabs nobody is using. */
export interface SlabHolder {
  /** performance.now() of the last reservation. */
  readonly lastUsed: number;
  /** Frees idle slabs; returns the bytes given back. */
  releaseIdle(): number;
}

/** One limit on the slab memory of all models; the least recently used rings shrink first. */
export class SlabBudget {
  #used = 0;
  readonly #holders = new Set<SlabHolder>();

  /** @param limit bytes */
  constructor(readonly limit: number) {}

  /** Bytes of all slabs that exist. */
  get used(): number {
    return this.#used;
  }

  join(holder: SlabHolder): void {
    this.#holders.add(holder);
  }

  leave(holder: SlabHolder): void {
    this.#holders.delete(holder);
  }

  /** Takes `bytes`, shrinking other holders if need be; false when there is no room. */
  take(bytes: number, taker: SlabHolder): boolean {
    if (this.#used + bytes > this.limit) this.#makeRoom(bytes, taker);
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
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

/** Slots at first; a power of two. */
const fewestSlots = 16;

/** The number of a slot that is free. */
const free = -1;

/**
 * Entries by numbers that are given out once each, ascending as a rule: what is open between two
 * threads, say. A message that comes late, with the number of what is over, finds nothing.
 *
 * A hash table with open addressing, and no Map, for the reason that UnorderedSet gives. As numbers
 * ascend each finds the slot of its own nearly always.
 */
export class NumberedEntries<Entry> {
  #numbers = freeSlots(fewestSlots);
  #entries: (Entry | undefined)[] = noEntries(fewestSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): Entry | undefined {
    return this.#entries[this.#slotOf(number)];
  }

  /**
   * @param number a whole number from 0
   * @throws {RangeError} for another, which no entry could be found by
   */
  set(number: number, entry: Entry): void {
    if (!(Number.isSafeInteger(number) && number >= 0)) {
      throw new RangeError(`an entry has a whole number from 0; given ${number}`);
    }
    let slot = this.#slotOf(number);
    if (this.#numbers[slot] === free) {
      this.#size += 1;
      if (this.#size * 2 > this.#numbers.length) {
        this.#grow();
        slot = this.#slotOf(number);
      }
    }
    this.#numbers[slot] = number;
    this.#entries[slot] = entry;
  }

  /** Takes an entry out; undefined when there is none. */
  take(number: number): Entry | undefined {
    const slot = this.#slotOf(number);
    if (this.#numbers[slot] === free) return undefined;
    const entry = this.#entries[slot];
    this.#size -= 1;
    this.#vacate(slot);
    return entry;
  }

  /** The entries of the moment, by their numbers; others may come and go meanwhile. */
  get all(): Entry[] {
    const entries: Entry[] = [];
    for (const number of this.#numbers.filter((given) => given !== free).sort()) {
      const entry = this.get(number);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** Takes all of them out. */
  takeAll(): Entry[] {
    const { all } = this;
    this.#numbers = freeSlots(fewestSlots);
    this.#entries = noEntries(fewestSlots);
    this.#size = 0;
    return all;
  }

  /** The slot of a number, or the free one in which it would stand. */
  #slotOf(number: number): number {
    const last = this.#numbers.length - 1;
    let slot = number & last;
    while (this.#numbers[slot] !== number && this.#numbers[slot] !== free) slot = (slot + 1) & last;
    return slot;
  }

  /** Frees a slot, and moves there what stands behind it because it was taken. */
  #vacate(slot: number): void {
    const last = this.#numbers.length - 1;
    let hole = slot;
    for (let at = (hole + 1) & last; ; at = (at + 1) & last) {
      const number = this.#numbers[at] ?? free;
      if (number === free) break;
      const isBehindHole = ((at - number) & last) >= ((at - hole) & last);
      if (!isBehindHole) continue;
      this.#numbers[hole] = number;
      this.#entries[hole] = this.#entries[at];
      hole = at;
    }
    this.#numbers[hole] = free;
    this.#entries[hole] = undefined;
  }

  #grow(): void {
    const numbers = this.#numbers;
    const entries = this.#entries;
    this.#numbers = freeSlots(2 * numbers.length);
    this.#entries = noEntries(2 * numbers.length);
    for (const [from, number] of numbers.entries()) {
      if (number === free) continue;
      const slot = this.#slotOf(number);
      this.#numbers[slot] = number;
      this.#entries[slot] = entries[from];
    }
  }
}

function freeSlots(count: number): Float64Array {
  return new Float64Array(count).fill(free);
}

function noEntries(count: number): undefined[] {
  return new Array<undefined>(count).fill(undefined);
}

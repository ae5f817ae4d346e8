import { type Family, type Slot, silentSlot } from './family.js';

/** The series that one model version uses, which are given back together. */
export class Bindings {
  readonly #slots = new Map<Family, Map<string, Slot>>();
  #released = false;

  /** The series with these values of the labels; after release() one that nobody reads. */
  slot(family: Family, values: readonly string[]): Slot {
    if (this.#released) return silentSlot;
    if (!family.keeps) return family.bind(values);
    let slots = this.#slots.get(family);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(family, slots);
    }
    const key = JSON.stringify(values);
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot = family.bind(values);
    slots.set(key, slot);
    return slot;
  }

  release(): void {
    this.#released = true;
    for (const [family, slots] of this.#slots) {
      for (const slot of slots.values()) family.release(slot);
    }
    this.#slots.clear();
  }
}

/** The ids of the requests that a value belongs to, joined by commas; asked for log lines only. */
export type RequestIds = () => string;

/** One labelled series of a family, bound once, so that changing it costs no look-up. */
export interface Slot {
  /** Adds to a counter, sets a gauge, is observed by a histogram. */
  update(value: number, requestIds?: RequestIds): void;
}

/** A metric of one name, in /metrics or in a log. */
export interface Family {
  /** False when nothing is kept between updates, so that there is nothing to bind for long. */
  readonly keeps: boolean;
  /**
   * The series with these values of the labels, the host's left out. The same one for the same
   * values; each bind() wants one release().
   */
  bind(values: readonly string[]): Slot;
  /** Says that a series will not be changed any more: a gauge's disappears with its last user. */
  release(slot: Slot): void;
}

/** What nobody reads. */
export const silentSlot: Slot = { update: () => undefined };

/** A family that is not declared, or whose log nobody keeps. */
export const silentFamily: Family = {
  keeps: false,
  bind: () => silentSlot,
  release: () => undefined,
};

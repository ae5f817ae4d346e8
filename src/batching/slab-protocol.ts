import { slabHeader } from './slab-layout.js';

/**
 * The writers' half of the header protocol, on the header's words alone, so that any thread that
 * sees the shared memory can take part. native/slab.cc is the instances' half.
 *
 *   reserve  a compare-and-swap on the state word: rows are handed out once, never after the seal
 *   settle   the writer's last word on its rows: their state, then one add to the settled word
 *   seal     (native) an instance sets the state's sign bit: no reservation succeeds any more
 *   close    (native) after waiting for the settled word to reach the reserved rows, an instance
 *            sets its sign bit: a writer that settles later learns that it came too late
 */
const countMask = 0x7fff_ffff;

/** Rows handed out so far. */
export function reservedRows(words: Int32Array): number {
  return Atomics.load(words, slabHeader.stateWord) & countMask;
}

/** True once an instance has taken the slab. */
export function isSealed(words: Int32Array): boolean {
  return Atomics.load(words, slabHeader.stateWord) < 0;
}

/** Rows whose writer has finished. */
export function settledRows(words: Int32Array): number {
  return Atomics.load(words, slabHeader.settledWord) & countMask;
}

/** Reserves `rows` adjacent rows; returns the first, or -1 when the slab is sealed or too full. */
export function reserveRows(words: Int32Array, capacity: number, rows: number): number {
  let state = Atomics.load(words, slabHeader.stateWord);
  for (;;) {
    if (state < 0 || state + rows > capacity) return -1;
    const seen = Atomics.compareExchange(words, slabHeader.stateWord, state, state + rows);
    if (seen === state) return state;
    state = seen;
  }
}

/**
 * Ends the writing of reserved rows; nothing may be written to them afterwards. Returns false when
 * an instance stopped waiting before this call: the rows are lost and the slab must not be reused.
 */
export function settleRows(
  words: Int32Array,
  first: number,
  rows: number,
  state: typeof slabHeader.rowCommitted | typeof slabHeader.rowCancelled,
): boolean {
  for (let row = first; row < first + rows; row += 1) {
    Atomics.store(words, slabHeader.rowsWord + row, state);
  }
  return Atomics.add(words, slabHeader.settledWord, rows) >= 0;
}

/** Withdraws rows that are settled. Has no effect on a batch that was sealed before. */
export function cancelRows(words: Int32Array, first: number, rows: number): void {
  for (let row = first; row < first + rows; row += 1) {
    Atomics.store(words, slabHeader.rowsWord + row, slabHeader.rowCancelled);
  }
}

/** After completion: where the outputs of a row stand in the output block, -1 when it has none. */
export function outputRow(words: Int32Array, capacity: number, row: number): number {
  return Atomics.load(words, slabHeader.rowsWord + capacity + row);
}

/** Makes the slab as new. Only when no writer and no instance holds it. */
export function resetHeader(words: Int32Array, capacity: number): void {
  words.fill(slabHeader.rowEmpty, slabHeader.rowsWord, slabHeader.rowsWord + capacity);
  Atomics.store(words, slabHeader.settledWord, 0);
  Atomics.store(words, slabHeader.stateWord, 0);
}

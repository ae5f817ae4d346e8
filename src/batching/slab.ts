import type { Reservation } from './reservation.js';
import { headerWords, type SlabLayout } from './slab-layout.js';
import {
  isSealed,
  outputRow,
  reservedRows,
  reserveRows,
  resetHeader,
  settledRows,
} from './slab-protocol.js';

/** One block of shared memory that holds the input rows of one batch, and who waits for them. */
export class Slab {
  readonly words: Int32Array;
  /** Scratch for Reservation.offsets(), so that a request makes no array. */
  readonly offsets: Float64Array;
  /** Requests with rows in this slab, in row order. */
  readonly reservations: Reservation[] = [];
  /** Id under which the instances know the slab. */
  id = 0;
  /** True from the bell until the slab is used again. */
  rung = false;
  /** True when the batch is back and its answers are being read. */
  returned = false;
  /** Requests of this slab that have no answer yet. */
  waiting = 0;
  /** Answers whose bytes are still being read, and writers that were left behind. */
  leases = 0;
  /**
   * The batch with the lowest runs first: when the most urgent of its requests is to be answered, in
   * the clock's milliseconds. The next ones are those deadlines by themselves.
   */
  order = Number.POSITIVE_INFINITY;
  /** The earliest moment that a request names itself. */
  wantedBy = Number.POSITIVE_INFINITY;
  /** The earliest end of a responseTimeout. */
  answerBy = Number.POSITIVE_INFINITY;
  /** The earliest end of a clientTimeout: it must run by then. */
  startBy = Number.POSITIVE_INFINITY;
  /** Slabs of the same order run in this one: that in which their first requests came. */
  sequence = 0;
  /** When the bell was rung. */
  rungAt = 0;
  /** When an instance has taken it, as far as the main loop knows; 0 before. */
  startedAt = 0;
  /** True when the bell is not to wait for the end of the turn. */
  hurries = false;

  constructor(
    readonly memory: Uint8Array,
    readonly layout: SlabLayout,
  ) {
    this.offsets = new Float64Array(layout.inputs.length);
    this.words = headerWords(memory, layout.capacity);
  }

  /** First of `rows` adjacent rows, or -1 when there is no room or an instance took the slab. */
  reserve(rows: number): number {
    return reserveRows(this.words, this.layout.capacity, rows);
  }

  /** Rows handed out so far. */
  get rows(): number {
    return reservedRows(this.words);
  }

  /** True when every row is reserved and settled. */
  get full(): boolean {
    return settledRows(this.words) >= this.layout.capacity;
  }

  get sealed(): boolean {
    return isSealed(this.words);
  }

  /** Copies rows of another slab of the same layout. */
  copyRows(row: number, source: Slab, sourceRow: number, rows: number): void {
    for (const [i, { offset }] of this.layout.inputs.entries()) {
      const bytes = this.layout.rowBytes[i] ?? 0;
      const from = (source.layout.inputs[i]?.offset ?? 0) + sourceRow * bytes;
      this.memory.set(source.memory.subarray(from, from + rows * bytes), offset + row * bytes);
    }
  }

  /** Index of a row's outputs in the output block, -1 for none. */
  outputRow(row: number): number {
    return outputRow(this.words, this.layout.capacity, row);
  }

  get outputArea(): Uint8Array {
    const { outputOffset, outputBytes } = this.layout;
    return this.memory.subarray(outputOffset, outputOffset + outputBytes);
  }

  recycle(): void {
    this.reservations.length = 0;
    this.rung = false;
    this.returned = false;
    this.order = Number.POSITIVE_INFINITY;
    this.wantedBy = Number.POSITIVE_INFINITY;
    this.answerBy = Number.POSITIVE_INFINITY;
    this.startBy = Number.POSITIVE_INFINITY;
    this.startedAt = 0;
    this.hurries = false;
    resetHeader(this.words, this.layout.capacity);
  }
}

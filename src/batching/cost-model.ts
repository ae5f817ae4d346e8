import { leastEvidence, Samples } from './samples.js';

/** Milliseconds without a batch after which an estimate may be wrong. */
const staleAfter = 1000;

/** Sizes up to this one are told apart; above it, so many in each octave. */
const exactSizes = 16;
const sizesPerOctave = 8;

/** How long batches take, in microseconds. */
export interface Costs {
  /** No estimate of a batch is above it; costs nothing to ask. */
  readonly ceiling: number;
  /** Of a batch on average; 0 when nothing is known. */
  expected(rows: number): number;
  /** Of a batch that is slow; 0 when nothing is known. */
  slow(rows: number): number;
  /** What warm-up has measured: microseconds of batches of so many rows. */
  seed(rows: readonly number[], microseconds: readonly number[]): void;
  /** A batch has run. */
  observe(rows: number, microseconds: number, now: number): void;
  /** Whether it is time to try again what seems to take too long. */
  isStale(now: number): boolean;
}

/** How long a batch takes as its rows grow: through these points, in straight lines. */
interface Curve {
  rows: number[];
  microseconds: number[];
  /** Microseconds of each row behind the last point. */
  slope: number;
}

/**
 * How long batches of one row shape take on one device: T(b), never falling with b. It begins with
 * what warm-up has measured, if anything, and follows the batches that run. Between sizes that are
 * known it is a straight line, behind the largest α + β·b.
 */
export class CostModel implements Costs {
  /** Microseconds by the largest size that is treated like a batch's, and scaled to it. */
  readonly #buckets = new Map<number, Samples>();
  #expected: Curve | undefined;
  #slow: Curve | undefined;
  #ceiling = 0;
  #observedAt = Number.NEGATIVE_INFINITY;

  /** @param capacity most rows in a batch */
  constructor(readonly capacity: number) {}

  /**
   * Microseconds that no estimate is above: a batch of all rows in proportion to the dearest of
   * late. Costs nothing to ask; 0 when nothing is known.
   */
  get ceiling(): number {
    return this.#ceiling;
  }

  /** What warm-up has measured: microseconds of batches of so many rows. */
  seed(rows: readonly number[], microseconds: readonly number[]): void {
    for (const [i, size] of rows.entries()) {
      const measured = microseconds[i];
      if (measured === undefined) continue;
      // A median of several runs, and as much evidence.
      for (let n = 0; n < leastEvidence; n += 1) this.#take(size, measured);
    }
  }

  observe(rows: number, microseconds: number, now: number): void {
    this.#observedAt = now;
    this.#take(rows, microseconds);
  }

  isStale(now: number): boolean {
    return now - this.#observedAt > staleAfter;
  }

  #take(rows: number, microseconds: number): void {
    if (rows < 1 || !(microseconds > 0) || microseconds === Number.POSITIVE_INFINITY) return;
    const size = bucketSize(rows);
    const scale = size / rows;
    this.#bucketOf(size).add(microseconds * scale);
    this.#ceiling = Math.max(this.#ceiling, microseconds * Math.max(scale, this.capacity / rows));
    this.#expected = undefined;
    this.#slow = undefined;
  }

  /** Microseconds that a batch takes on average; 0 when nothing is known. */
  expected(rows: number): number {
    this.#expected ??= this.#curve((bucket) => bucket.mean);
    return at(this.#expected, rows);
  }

  /** Microseconds that nine of ten batches stay within; 0 when nothing is known. */
  slow(rows: number): number {
    if (this.#slow === undefined) {
      this.#slow = this.#curve((bucket) => bucket.slow);
      this.#ceiling = at(this.#slow, Math.max(this.capacity, ...this.#slow.rows));
    }
    return at(this.#slow, rows);
  }

  #bucketOf(size: number): Samples {
    let bucket = this.#buckets.get(size);
    if (bucket === undefined) {
      bucket = new Samples();
      this.#buckets.set(size, bucket);
    }
    return bucket;
  }

  #curve(value: (bucket: Samples) => number): Curve {
    const known = [...this.#buckets]
      .filter(([, bucket]) => bucket.isKnown)
      .sort(([a], [b]) => a - b);
    const curve: Curve = { rows: [], microseconds: [], slope: 0 };
    let highest = 0;
    for (const [size, bucket] of known) {
      highest = Math.max(highest, value(bucket));
      curve.rows.push(size);
      curve.microseconds.push(highest);
    }
    curve.slope = slopeOf(curve);
    return curve;
  }
}

/** The largest size that is treated like this one. */
function bucketSize(rows: number): number {
  if (rows <= exactSizes) return rows;
  const step = Math.ceil(Math.log2(rows / exactSizes) * sizesPerOctave);
  return Math.max(rows, Math.floor(exactSizes * 2 ** (step / sizesPerOctave)));
}

/**
 * β of the least squares line α + β·b through the points, with α and β not below 0: no row costs
 * less than nothing, and a batch no more than its rows one by one.
 */
function slopeOf({ rows, microseconds }: Curve): number {
  const count = rows.length;
  const last = (microseconds[count - 1] ?? 0) / (rows[count - 1] ?? 1);
  if (count < 2) return last;
  const meanRows = rows.reduce((sum, x) => sum + x, 0) / count;
  const mean = microseconds.reduce((sum, y) => sum + y, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const [i, x] of rows.entries()) {
    covariance += (x - meanRows) * ((microseconds[i] ?? 0) - mean);
    variance += (x - meanRows) ** 2;
  }
  return Math.max(0, Math.min(covariance / variance, last));
}

function at({ rows, microseconds, slope }: Curve, wanted: number): number {
  const above = rows.findIndex((size) => size >= wanted);
  const last = rows.length - 1;
  if (last < 0) return 0;
  if (above < 0) return (microseconds[last] ?? 0) + slope * (wanted - (rows[last] ?? 0));
  const high = microseconds[above] ?? 0;
  const highRows = rows[above] ?? 0;
  // Fewer rows than have ever been seen: a share of the first batch at least.
  if (above === 0) return Math.max(high / highRows, high - slope * (highRows - wanted));
  const low = microseconds[above - 1] ?? 0;
  const lowRows = rows[above - 1] ?? 0;
  return low + ((high - low) * (wanted - lowRows)) / (highRows - lowRows);
}

/** Microseconds of batches of so many rows, ascending. */
interface MeasuredCosts {
  rows: number[];
  microseconds: number[];
}

/**
 * What batches take of which some are padded: a batch takes as long as one of the next size that a
 * graph was captured for. Adds the smallest batch that is padded to each of them, so that the straight
 * lines of a CostModel between the points are the steps that they are.
 *
 * @param rows that were timed, ascending
 * @param captured sizes among them that batches are padded to
 */
export function paddedCosts(
  rows: readonly number[],
  microseconds: readonly number[],
  captured: readonly number[],
): MeasuredCosts {
  const measured = new Map<number, number>();
  for (const [i, size] of rows.entries()) {
    const time = microseconds[i];
    if (time !== undefined) measured.set(size, time);
  }
  let below = 0;
  for (const size of [...captured].sort((a, b) => a - b)) {
    const time = measured.get(size);
    if (time !== undefined && !measured.has(below + 1)) measured.set(below + 1, time);
    below = size;
  }
  const sorted = [...measured].sort(([a], [b]) => a - b);
  return { rows: sorted.map(([size]) => size), microseconds: sorted.map(([, time]) => time) };
}

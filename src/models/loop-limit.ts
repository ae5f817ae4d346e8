/** Most microseconds that a batch may keep the main loop from everything else. */
export const longestOnLoop = 200;

/**
 * What of the hop the main loop does itself, where other cores do the rest: about 25 us of 75, to
 * wake an instance and to be woken by it.
 */
const loopsShareOfHop = 1 / 3;

/**
 * Most rows of a batch that is to run on the main loop; 0 where one row costs more there than an
 * instance takes to be woken and to wake the loop again.
 *
 * With one or two cores an instance computes in the time of the main loop, of the clients, or of the
 * rest of the machine: under load it waits for a time slice, milliseconds, whatever the way was
 * measured to take while nobody else wanted a core. There all batches that the loop can bear run on
 * it.
 * With more cores the main loop must gain by it alone, or a server that is busy answers less.
 *
 * @param rows numbers of rows that were timed, ascending
 * @param microseconds what a batch of each of them takes
 * @param hop microseconds that the way to an instance and back takes beside the batch
 */
export function loopLimit(
  rows: readonly number[],
  microseconds: readonly number[],
  hop: number,
  cores: number,
): number {
  const most = cores > 2 ? Math.min(hop * loopsShareOfHop, longestOnLoop) : longestOnLoop;
  const [first = Number.POSITIVE_INFINITY] = microseconds;
  if (!(first <= hop)) return 0;
  let limit = 0;
  let before = 0;
  for (const [i, count] of rows.entries()) {
    const took = microseconds[i] ?? Number.POSITIVE_INFINITY;
    if (!(took <= most)) {
      // Between two numbers of rows the time grows by about the same for each row.
      const part = limit === 0 ? 0 : (most - before) / (took - before);
      return limit + Math.floor(part * (count - limit));
    }
    limit = count;
    before = took;
  }
  return limit;
}

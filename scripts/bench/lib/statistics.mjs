/**
 * @param {number[]} sorted ascending
 * @param {number} share 0 to 1
 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/**
 * Median, smallest and largest; undefined of nothing.
 *
 * @param {number[]} values
 * @returns {{ median: number, low: number, high: number } | undefined}
 */
export function spread(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median =
    sorted.length % 2 === 1
      ? sorted[Math.floor(middle)]
      : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, low: sorted[0], high: sorted[sorted.length - 1] };
}

/**
 * A Markdown table; the first columns are text, the others are numbers.
 *
 * @param {string[]} head
 * @param {string[][]} rows
 * @param {number} [textColumns]
 */
export function table(head, rows, textColumns = 1) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i < textColumns ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** `1.31 (1.29–1.40)`, or a dash for nothing. */
export function withSpread(spread, format = significant) {
  if (spread === undefined) return '–';
  const { median, low, high } = spread;
  if (low === high) return format(median);
  return `${format(median)} (${format(low)}–${format(high)})`;
}

/** Whole numbers with separators: `31,204`. */
export function whole(value) {
  return Math.round(value).toLocaleString('en-US');
}

/** Three significant digits and no more than three decimals. */
export function significant(value) {
  const size = Math.abs(value);
  if (size >= 100) return whole(value);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 1 ? 2 : 3);
}

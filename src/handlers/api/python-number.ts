/**
 * A float as Python's repr writes it: the shortest digits that read back as the same double, always
 * with a point or an exponent, and an exponent only below 1e-4 and from 1e16 on.
 */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    // JavaScript leaves out the second digit of the exponent that Python always writes.
    return value.toExponential().replace(/([+-])(\d)$/, '$10$2');
  }
  if (!Number.isInteger(value)) return String(value);
  return Object.is(value, -0) ? '-0.0' : `${value}.0`;
}

/** A plain JavaScript number: as JSON.stringify, but NaN and infinities as Python writes them. */
export function plainNumber(value: number): string {
  return Number.isFinite(value) ? JSON.stringify(value) : pythonFloat(value);
}

/** A string as Python's json.dumps writes it: ASCII, all else as \uXXXX. */
export function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** From this magnitude on Java writes an exponent. */
const exponentFrom = 1e7;

/** Below this magnitude too. */
const plainFrom = 1e-3;

/**
 * A number as Java's `Double.toString` (19 and later) writes it: the shortest digits that mean the
 * same number, at least one of them after the point. `1.0`, `1.0E7`, `1.0E-4`, `NaN`, `Infinity`.
 */
export function javaDouble(value: number): string {
  const magnitude = Math.abs(value);
  if (Number.isInteger(value) && magnitude < exponentFrom) {
    return Object.is(value, -0) ? '-0.0' : `${value}.0`;
  }
  if (!Number.isFinite(value) || (magnitude >= plainFrom && magnitude < exponentFrom)) {
    return String(value);
  }
  const shortest = value.toExponential();
  // Where one digit would do, Java takes the nearest two: 4.9E-324, which JavaScript calls 5e-324.
  const [digits = '', exponent = ''] = (
    shortest.includes('.') ? shortest : value.toExponential(1)
  ).split('e');
  return `${digits}E${Number(exponent)}`;
}

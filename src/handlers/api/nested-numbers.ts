/** Numbers in lists in lists: what `tolist()` gives in Python. */
export type NestedNumbers = number | bigint | readonly NestedNumbers[];

/** A flat list of numbers with the shape it had. */
export interface FlatNumbers {
  shape: number[];
  values: (number | bigint)[];
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/**
 * Lays nested lists out flat, row after row.
 *
 * @throws {TypeError} naming the position of a list whose length differs from its neighbours' or of
 *   an element that is no number.
 */
export function flatten(nested: NestedNumbers): FlatNumbers {
  const shape: number[] = [];
  for (let inner: unknown = nested; isList(inner); inner = inner[0]) shape.push(inner.length);
  const values: (number | bigint)[] = [];
  collect(nested, shape, 0, [], values);
  return { shape, values };
}

function collect(
  value: unknown,
  shape: readonly number[],
  depth: number,
  position: readonly number[],
  values: (number | bigint)[],
): void {
  if (depth === shape.length) {
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new TypeError(`${at(position)} is ${kindOf(value)}; a number is expected`);
    }
    values.push(value);
    return;
  }
  if (!isList(value)) {
    throw new TypeError(
      `${at(position)} is ${kindOf(value)}; a list of ${shape[depth]} is expected, as at the start`,
    );
  }
  if (value.length !== shape[depth]) {
    throw new TypeError(
      `${at(position)} has the length ${value.length}; ${shape[depth]} is expected, as at the start`,
    );
  }
  for (let i = 0; i < value.length; i += 1) {
    collect(value[i], shape, depth + 1, [...position, i], values);
  }
}

function at(position: readonly number[]): string {
  return position.length === 0 ? 'the value' : `element [${position.join('][')}]`;
}

function kindOf(value: unknown): string {
  if (isList(value)) return 'a list';
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Nested lists of a shape from flat values. */
export function nest(
  values: ArrayLike<number>,
  shape: readonly number[],
): number | readonly NestedNumbers[] {
  let next = 0;
  const build = (depth: number): NestedNumbers => {
    if (depth === shape.length) return values[next++] ?? 0;
    return Array.from({ length: shape[depth] ?? 0 }, () => build(depth + 1));
  };
  const built = build(0);
  return typeof built === 'bigint' ? Number(built) : built;
}

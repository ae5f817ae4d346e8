import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** The first thing about a value that its schema forbids. */
export interface Violation {
  /** Keys from the root; empty for the value itself. */
  path: string[];
  /** `must be integer` */
  what: string;
}

/** What a schema first finds wrong with a value, in words that name what is allowed. */
export function firstViolation(schema: TSchema, value: unknown): Violation {
  const [error] = Value.Errors(schema, value);
  if (error === undefined) return { path: [], what: 'is not valid' };
  const path = error.instancePath.split('/').slice(1).map(keyFromPointer);
  switch (error.keyword) {
    case 'enum':
      return { path, what: `must be one of ${error.params.allowedValues.join(', ')}` };
    case 'boolean':
      // The schema of every key that an object does not declare is `false`.
      return { path, what: 'is not known here' };
    case 'pattern': {
      const expected = expectedAt(schema, path);
      return { path, what: expected === undefined ? error.message : `must be ${expected}` };
    }
    default:
      return { path, what: error.message };
  }
}

/** A JSON pointer writes `/` as `~1` and `~` as `~0`. */
function keyFromPointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The words that a schema has for its pattern. */
function expectedAt(schema: TSchema, path: readonly string[]): string | undefined {
  let current: unknown = schema;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    const properties: unknown = 'properties' in current ? current.properties : undefined;
    if (typeof properties !== 'object' || properties === null) return undefined;
    current = Object.entries(properties).find(([name]) => name === key)?.[1];
  }
  if (typeof current !== 'object' || current === null || !('expected' in current)) return undefined;
  return String(current.expected);
}

import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, SconceError } from '../errors.js';
import { type ListenerKind, parseAddress } from './addresses.js';
import { compileAllowedUrls } from './allowed-urls.js';
import { firstViolation } from './violation.js';

/** Longest value that a message repeats, in characters. */
const longestShown = 200;

/** Objects and lists inside each other that no setting needs; far more would end the stack. */
const deepest = 16;

/**
 * What is wrong with a value, in words that follow its name; undefined when nothing is. An address
 * and a regular expression are tried, beyond what a schema can say.
 */
export function complaintAbout(schema: TSchema, value: unknown): string | undefined {
  if (isDeeper(value, deepest)) return ' is nested too deeply';
  if (Value.Check(schema, value)) return complaintOfMeaning(schema, value);
  if (typeof value === 'string' && hasType(schema, 'object')) return `: ${jsonError(value)}`;
  const { path, what } = firstViolation(schema, value);
  // The entries of a list are short enough to be shown all, an object's are not.
  if (path.length === 0 || Array.isArray(value)) return ` ${shown(value)} ${what}`;
  return `.${path.join('.')} ${shown(valueAt(value, path))} ${what}`;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** What needs more than a schema to be found. */
function complaintOfMeaning(schema: TSchema, value: unknown): string | undefined {
  try {
    if ('address' in schema && isListenerKind(schema.address)) {
      parseAddress(String(value), schema.address);
    }
    if ('expressions' in schema && Array.isArray(value)) compileAllowedUrls(value.map(String));
    return undefined;
  } catch (error) {
    if (!(error instanceof SconceError)) throw error;
    return `: ${error.message}`;
  }
}

function isListenerKind(kind: unknown): kind is ListenerKind {
  return kind === 'inference' || kind === 'management' || kind === 'metrics';
}

function hasType(schema: TSchema, type: string): boolean {
  return 'type' in schema && schema.type === type;
}

function jsonError(text: string): string {
  try {
    JSON.parse(text);
    return 'must be a JSON object';
  } catch (error) {
    return `is not JSON: ${messageOf(error)}`;
  }
}

/** A value in a message; a long one in part. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Object.entries(current).find(([name]) => name === key)?.[1];
  }
  return current;
}

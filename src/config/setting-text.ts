import type { Setting } from './setting.js';

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A setting's value out of text: numbers, booleans, lists at commas, JSON. What makes no sense
 * stays text, for the schema to refuse.
 */
export function valueFromText({ name, type, secret }: Setting, text: string): unknown {
  // A password may begin or end with a space.
  const trimmed = secret ? text : text.trim();
  switch (type) {
    case 'boolean':
      return booleanFrom(trimmed);
    case 'integer':
    case 'number':
      return decimal.test(trimmed) ? Number(trimmed) : trimmed;
    case 'array':
      // Paths of models may hold commas; where to split them shows once the model store is known.
      return name === 'loadModels' ? [trimmed] : entriesOf(trimmed);
    case 'object':
      return jsonFrom(trimmed);
    default:
      return trimmed;
  }
}

/** The entries of a list with commas. */
function entriesOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function booleanFrom(text: string): boolean | string {
  const lower = text.toLowerCase();
  if (lower === 'true') return true;
  return lower === 'false' ? false : text;
}

function jsonFrom(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

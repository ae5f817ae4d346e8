/**
 * What clients and models send must not end a line of a log, or steer the terminal that shows it:
 * control characters and the two line separators of Unicode are written as JavaScript escapes.
 */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}]/gu;
const unsafeInQuotes = /[\p{Cc}\p{Zl}\p{Zp}"\\]/gu;

const shortEscapes = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function shortestEscape(character: string): string {
  return shortEscapes.get(character) ?? unicodeEscape(character);
}

/** `text` on one line, otherwise as it is. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, shortestEscape);
}

/** `text` for a place between quotes: quotes and backslashes are escaped as well. */
export function escapeQuoted(text: string): string {
  return text.replace(unsafeInQuotes, shortestEscape);
}

/**
 * A line of JSON, which ends in a newline, with what JSON leaves unescaped in its strings. Between
 * them there are no such characters.
 */
export function escapeJson(line: string): string {
  return `${line.slice(0, -1).replace(unsafe, unicodeEscape)}\n`;
}

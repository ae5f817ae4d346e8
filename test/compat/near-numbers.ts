import type { Answer } from './answer.js';

const numberPattern = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/**
 * Our answer with their numbers, where the bodies are the same but for numbers that are nearly
 * equal; else our answer as it is.
 *
 * @param tolerance relative to the larger of two numbers. Numbers that are smaller than the largest
 *   of the body by this factor count as of that size
 */
export function withNumbersOf(theirs: Answer, ours: Answer, tolerance: number): Answer {
  const [expected, actual] = [theirs.body.join('\n'), ours.body.join('\n')];
  if (withoutNumbers(expected) !== withoutNumbers(actual)) return ours;
  const [wanted, found] = [numbersIn(expected), numbersIn(actual)];
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const isNear = (value: number, i: number) => {
    const other = found[i] ?? Number.NaN;
    const size = Math.max(Math.abs(value), Math.abs(other), largest * tolerance);
    return Math.abs(value - other) <= size * tolerance;
  };
  if (!wanted.every(isNear)) return ours;
  const lengthOf = (text: string) => `content-length: ${Buffer.byteLength(text)}`;
  return {
    ...ours,
    headers: ours.headers.map((header) =>
      header === lengthOf(actual) ? lengthOf(expected) : header,
    ),
    body: theirs.body,
  };
}

function withoutNumbers(text: string): string {
  return text.replace(numberPattern, '#');
}

function numbersIn(text: string): number[] {
  return Array.from(text.matchAll(numberPattern), ([literal]) => Number(literal));
}

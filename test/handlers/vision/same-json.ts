import assert from 'node:assert/strict';

/** Convolutions and exponentials of LibTorch differ by the machine's vector unit. */
const tolerance = 1e-5;

const number = /-?\d+\.\d+(?:e[-+]\d+)?/g;

/** Two JSON texts with the same bytes but for the last digits of floats. */
export function assertSameJson(actual: string, expected: string): void {
  assert.equal(actual.replace(number, '#'), expected.replace(number, '#'));
  const numbers = expected.match(number) ?? [];
  for (const [i, text] of (actual.match(number) ?? []).entries()) {
    const value = Number(numbers[i]);
    assert.ok(Math.abs(Number(text) - value) <= tolerance * Math.abs(value), `${text}: ${value}`);
  }
}

import { SetupError } from '../../lib/setup-error.mjs';

/**
 * Sends one request; anything but a 200 is an error.
 *
 * @param {string} url
 * @param {{ body: Buffer, headers: Record<string, string> }} request
 */
export async function ask(url, { body, headers }) {
  const response = await fetch(url, { method: 'POST', body, headers });
  const reply = Buffer.from(await response.arrayBuffer());
  if (response.status === 200) return reply;
  throw new SetupError(`Verification: answer ${response.status} instead of 200: ${reply}`);
}

/**
 * Throws SetupError unless the numbers agree; a contender that answers wrongly is not measured.
 *
 * @param {string} name
 * @param {number[][]} actual
 * @param {number[][]} expected
 * @param {number} tolerance largest absolute difference
 */
export function checkAnswers(name, actual, expected, tolerance) {
  const [given, wanted] = [actual.flat(), expected.flat()];
  const difference = Math.max(...wanted.map((value, i) => Math.abs(value - (given[i] ?? NaN))));
  if (given.length === wanted.length && difference <= tolerance) {
    console.log(`  ${name}: answers verified, largest difference ${difference.toExponential(1)}`);
    return;
  }
  throw new SetupError(
    `${name} answers wrongly: ${given.length} numbers for ${wanted.length}, difference ${difference}, allowed ${tolerance}`,
  );
}

/**
 * Throws SetupError unless the bytes are the same.
 *
 * @param {string} name
 * @param {Buffer} actual
 * @param {Buffer} expected
 */
export function checkSame(name, actual, expected) {
  if (!actual.equals(expected)) throw new SetupError(`${name} answers ${actual}, not ${expected}`);
  console.log(`  ${name}: answer verified, byte for byte`);
}

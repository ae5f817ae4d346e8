import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * @typedef {object} TestResults
 * @property {number} passed
 * @property {{ reason: string, count: number }[]} skipped by reason
 * @property {{ title: string, text: string }[]} failures
 * @property {string[]} files that said something, relative to the root
 */

/**
 * Reads what test-reporter.mjs has written; of a run that was stopped, what it came to.
 *
 * @param {string} path
 * @param {string} root
 * @returns {TestResults}
 */
export function readResults(path, root) {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const tests = lines.flatMap(parseLine);
  const skips = new Map();
  for (const { skipped } of tests) {
    if (skipped !== undefined) skips.set(skipped, (skips.get(skipped) ?? 0) + 1);
  }
  const place = (file) => (file === undefined ? '' : `${relative(root, file)}: `);
  return {
    passed: tests.filter(({ passed, skipped }) => passed && skipped === undefined).length,
    skipped: [...skips].map(([reason, count]) => ({ reason, count })),
    failures: tests
      .filter(({ passed, skipped }) => !passed && skipped === undefined)
      .map(({ name, file, message }) => ({ title: `${place(file)}${name}`, text: message ?? '' })),
    files: [...new Set(tests.flatMap(({ file }) => (file ? [relative(root, file)] : [])))],
  };
}

/** The last line of a run that was stopped may be half of one. */
function parseLine(line) {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

/** `12 passed, 1 failed, 3 skipped (no usable GPU: 3)` */
export function inWords({ passed, failures, skipped }) {
  const count = skipped.reduce((sum, one) => sum + one.count, 0);
  const reasons = skipped.map((one) => `${one.reason}: ${one.count}`).join('; ');
  const parts = [`${passed} passed`, `${failures.length} failed`];
  if (count > 0) parts.push(`${count} skipped (${reasons})`);
  return parts.join(', ');
}

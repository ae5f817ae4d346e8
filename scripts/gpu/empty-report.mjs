import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/root.mjs';
import { issueTargets, sanitizerTarget } from './targets.mjs';

/**
 * One step as the report shows it.
 *
 * @typedef {object} StepRecord
 * @property {string} name
 * @property {string} title
 * @property {boolean} optional that it was not run keeps nothing from having passed
 * @property {import('./steps.mjs').Outcome | 'running' | 'waiting'} outcome
 * @property {number} [seconds] it took
 * @property {number} [limit] seconds that it had
 * @property {string} summary
 * @property {Record<string, string>} facts
 * @property {{ title: string, text: string }[]} failures
 *
 * @typedef {object} Report
 * @property {string} version
 * @property {string} commit
 * @property {string} date UTC day
 * @property {string} device
 * @property {string} command
 * @property {string} verdict
 * @property {StepRecord[]} steps
 * @property {import('./steps.mjs').Figure[]} figures
 */

/**
 * A report of which nothing has happened yet.
 *
 * @param {import('./options.mjs').CheckOptions} options
 * @param {string} device
 * @param {readonly import('./steps.mjs').Step[]} steps
 * @returns {Promise<Report>}
 */
export async function emptyReport(options, device, steps) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const figures = (await issueTargets().catch(() => [])).concat(sanitizerTarget);
  return {
    ...{ version, commit: commit(), date: new Date().toISOString().slice(0, 10), device },
    command: commandOf(options),
    verdict: 'running',
    steps: steps.map(({ name, title, ifTimeIsLeft: optional = false }) => ({
      ...{ name, title, optional, outcome: 'waiting', summary: '', facts: {}, failures: [] },
    })),
    figures: figures.map((figure) => ({ value: '–', outcome: 'not measured', ...figure })),
  };
}

/** All that is not asked for by its default. Where the report goes changes nothing. */
function commandOf({ seconds, device, allowCpu, steps }) {
  const flags = [`--time ${seconds}`, `--device ${device}`, `--steps ${steps.join(',')}`];
  if (allowCpu) flags.push('--allow-cpu');
  return `node scripts/gpu-check.mjs ${flags.join(' ')}`;
}

/** Of the checkout, or what pack.mjs wrote where there is no repository. */
function commit() {
  const packed = join(root, '.gpu-pack/commit');
  if (existsSync(packed) && !existsSync(join(root, '.git'))) {
    return readFileSync(packed, 'utf8').trim();
  }
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=12'];
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

/**
 * `passed` only when every step has that is not optional, and none has failed; else which did not.
 *
 * @param {readonly StepRecord[]} steps
 */
export function verdictOf(steps) {
  const names = (which) => steps.filter(which).map(({ name }) => name);
  const failed = names(({ outcome }) => outcome === 'failed');
  const skipped = names(({ outcome, optional }) => outcome === 'skipped' && !optional);
  if (failed.length + skipped.length === 0) return 'passed';
  const parts = [];
  if (failed.length > 0) parts.push(`failed: ${failed.join(', ')}`);
  if (skipped.length > 0) parts.push(`not run: ${skipped.join(', ')}`);
  return parts.join('; ');
}

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';

/**
 * What is measured and how it is shown: `export const subject` of a file in subjects/.
 *
 * @typedef {object} Subject
 * @property {string} name of the file too
 * @property {string} title
 * @property {string} about Markdown: what the contenders are
 * @property {(context: import('./context.mjs').BenchContext) => Promise<Preparation>} prepare
 *   starts the contenders, verifies and warms them
 * @property {Comparison[]} comparisons ratios and differences, paired by round
 * @property {(results: import('./results.mjs').Results) => { title: string, text: string }[]} tables
 * @property {(results: import('./results.mjs').Results) => import('../plot.mjs').Panel[]} panels
 *
 * @typedef {object} Preparation
 * @property {import('./rounds.mjs').Step[]} steps
 * @property {Record<string, string>} versions
 * @property {string[]} notes
 * @property {string[]} skipped what is not measured, and why
 *
 * @typedef {object} Comparison
 * @property {string} label
 * @property {Parameters<import('./results.mjs').Results['paired']>[0]} compute
 * @property {string} [unit]
 * @property {{ atLeast?: number, atMost?: number, decimals?: number }} [target]
 */

const folder = join(root, 'scripts/bench/subjects');

/**
 * @param {string} name
 * @returns {Promise<Subject>}
 */
export async function loadSubject(name) {
  const file = join(folder, `${name}.mjs`);
  if (!/^[\w-]+$/.test(name) || !existsSync(file)) {
    const known = readdirSync(folder).map((entry) => entry.replace(/\.mjs$/, ''));
    throw new SetupError(`There is no subject "${name}"; there is ${known.join(', ')}.`);
  }
  return (await import(pathToFileURL(file))).subject;
}

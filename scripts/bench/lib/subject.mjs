import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';
import { isGpu } from './device-figures.mjs';

/**
 * What is measured and how it is shown: `export const subject` of a file in subjects/.
 *
 * @typedef {object} Subject
 * @property {string} name of the file too
 * @property {'cuda'} [device] that its figures are of; the CPU unless given
 * @property {string} title
 * @property {string} about Markdown: what the contenders are
 * @property {(context: import('./context.mjs').BenchContext) => Promise<Preparation>} prepare
 *   starts the contenders, verifies and warms them
 * @property {Comparison[]} comparisons ratios and differences, paired by round
 * @property {(results: import('./results.mjs').Results) => { title: string, text: string }[]} tables
 * @property {(results: import('./results.mjs').Results) => import('../plot.mjs').Panel[]} panels
 * @property {{ repeat?: number, duration?: number }} [defaults] where flags say nothing
 *
 * @typedef {object} Preparation
 * @property {import('./rounds.mjs').Step[]} steps
 * @property {Record<string, string>} versions
 * @property {string[]} notes
 * @property {string[]} skipped what is not measured, and why
 * @property {string[]} [failed] the same of what should have been
 * @property {import('./load.mjs').LoadGenerator} [load] unless it is the context's
 * @property {Finding[]} [findings]
 *
 * What was found out before the rounds, Markdown: `{ title, text }`.
 * @typedef {{ title: string, text: string }} Finding
 *
 * @typedef {object} Comparison
 * @property {string} [id] of a row of targets.mjs, which has label, unit and target
 * @property {string} [label] needed without an id
 * @property {Parameters<import('./results.mjs').Results['paired']>[0]} compute
 * @property {string} [unit]
 * @property {{ atLeast?: number, atMost?: number, decimals?: number }} [target]
 */

const folder = join(root, 'scripts/bench/subjects');

const ofCpu = [
  ...['alpha', 'identity', 'open', 'many', 'rivals'],
  ...['resnet18', 'minilm', 'handlers', 'budget'],
];
const ofGpu = ['cuda-launch', 'cuda-resnet18'];

/** In the order of the page. */
export const subjectNames = [...ofCpu, ...ofGpu];

/**
 * Those whose figures are of such a device.
 *
 * @param {string} device
 */
export const subjectsOf = (device) => (isGpu(device) ? ofGpu : ofCpu);

/**
 * @param {string} name
 * @returns {Promise<Subject>}
 */
export async function loadSubject(name) {
  if (!subjectNames.includes(name)) {
    throw new SetupError(`There is no subject "${name}"; there is ${subjectNames.join(', ')}.`);
  }
  return (await import(pathToFileURL(join(folder, `${name}.mjs`)))).subject;
}

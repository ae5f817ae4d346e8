import { bench } from './steps/bench.mjs';
import { build } from './steps/build.mjs';
import { deviceTests } from './steps/device-tests.mjs';
import { fixtures } from './steps/fixtures.mjs';
import { machine } from './steps/machine.mjs';
import { nativeTests } from './steps/native-tests.mjs';
import { sanitizer } from './steps/sanitizer.mjs';
import { suite } from './steps/suite.mjs';

/**
 * What a step works with.
 *
 * @typedef {object} Context
 * @property {string} name of the step
 * @property {string} device `cuda:N`, or `cpu` where --allow-cpu has to do
 * @property {number} seconds that the step has
 * @property {string} folder for files of this run, which are removed at its end
 * @property {(name: string, text: string) => void} keep writes a file beside the report
 * @property {(command: string, args: string[], options?: { env?: NodeJS.ProcessEnv, seconds?: number }) =>
 *   Promise<{ code: number, timedOut: boolean, output: string }>} execute runs a command in the
 *   checkout, within the time of the step; what it prints goes to the log
 *
 * @typedef {'passed' | 'failed' | 'skipped'} Outcome
 *
 * @typedef {object} Result
 * @property {Outcome} outcome
 * @property {string} summary one line
 * @property {Record<string, string>} [facts]
 * @property {{ title: string, text: string }[]} [failures]
 * @property {Figure[]} [figures]
 *
 * What was measured, beside what is wanted of it; without `outcome` nothing is.
 * @typedef {object} Figure
 * @property {string} id
 * @property {string} label
 * @property {string} value
 * @property {string} wanted
 * @property {'met' | 'missed' | 'not measured' | ''} outcome
 *
 * @typedef {import('./schedule.mjs').Times & {
 *   name: import('./options.mjs').CheckOptions['steps'][number],
 *   title: string,
 *   needsBuild: boolean,
 *   run: (context: Context) => Promise<Result>,
 * }} Step
 */

/** @type {readonly Step[]} in the order of options.mjs */
export const steps = [machine, build, fixtures, deviceTests, nativeTests, sanitizer, bench, suite];

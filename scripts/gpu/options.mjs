import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from '../lib/setup-error.mjs';

/** The steps in their order. */
export const stepNames = /** @type {const} */ ([
  'machine',
  'build',
  'fixtures',
  'device-tests',
  'native-tests',
  'sanitizer',
  'bench',
  'suite',
]);

const help = `node scripts/gpu-check.mjs [options]

Builds Sconce with the torch of python3, runs what needs a GPU and measures. Needs no network.

  --time S         seconds for all of it (default: 600)
  --out FOLDER     where the report goes, at most eight files (default: build/gpu-check)
  --device NAME    cuda, cuda:N (default: cuda:0)
  --steps LIST     only these, with commas between: ${stepNames.join(', ')}
  --allow-cpu      without a GPU everything runs on the CPU: does the check itself work?
  --help           this text

Exit code: 0 when every step passed, 1 when one did not, 2 without a GPU.`;

/**
 * @typedef {object} CheckOptions
 * @property {number} seconds
 * @property {string} out absolute
 * @property {string} device `cuda:N`
 * @property {readonly string[]} steps of stepNames, in their order
 * @property {boolean} allowCpu
 */

/**
 * @param {string[]} args
 * @param {string} standardFolder where the report goes unless it is said
 * @returns {CheckOptions | undefined} nothing when all that was wanted is the help
 */
export function parseOptions(args, standardFolder) {
  const values = parse(args);
  if (values.help) {
    console.log(help);
    return undefined;
  }
  return {
    seconds: secondsOf(values.time ?? '600'),
    out: resolve(values.out ?? standardFolder),
    device: deviceOf(values.device ?? 'cuda:0'),
    steps: stepsOf(values.steps),
    allowCpu: values['allow-cpu'] ?? false,
  };
}

function secondsOf(given) {
  const seconds = Number(given);
  if (Number.isInteger(seconds) && seconds >= 30) return seconds;
  throw new SetupError(`--time ${given} must be a whole number of seconds from 30 on`);
}

function deviceOf(given) {
  const device = given === 'cuda' ? 'cuda:0' : given;
  if (/^cuda:\d{1,3}$/.test(device)) return device;
  throw new SetupError(`--device ${given} must be cuda or cuda:N; --allow-cpu is for the CPU`);
}

function stepsOf(given) {
  if (given === undefined) return stepNames;
  const wanted = given.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !stepNames.includes(name));
  if (unknown === undefined) return stepNames.filter((name) => wanted.includes(name));
  throw new SetupError(`--steps: there is no "${unknown}"; there is ${stepNames.join(', ')}`);
}

function parse(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    const options = { time: text, out: text, device: text, steps: text };
    return parseArgs({ args, options: { ...options, 'allow-cpu': flag, help: flag } }).values;
  } catch (error) {
    throw new SetupError(`${error.message}\n\n${help}`);
  }
}

import { parseArgs } from 'node:util';
import { SetupError } from '../lib/setup-error.mjs';

const usage = `npm run compat -- [options]

Sends the same requests to TorchServe and to Sconce, and prints where the answers differ. Without
TorchServe on this machine its recorded answers are taken.

  --python PATH     interpreter with torch and torchserve (default: python3, or COMPAT_PYTHON)
  --record          write TorchServe's answers to test/compat/recorded
  --recorded        compare with the recorded answers, even where TorchServe is at hand
  --scenario NAME   only this scenario; may be repeated
  --reference       measure one client alone at both servers instead
  --help            this text
`;

/**
 * @typedef {object} CompatOptions
 * @property {string} python
 * @property {boolean} record
 * @property {boolean} recorded
 * @property {boolean} reference
 * @property {string[] | undefined} scenarios all of them when undefined
 */

/**
 * @param {string[]} args
 * @returns {CompatOptions | undefined} undefined when all that was wanted is the help
 */
export function parseOptions(args) {
  const { help, record, recorded, reference, python, scenario } = parse(args).values;
  if (help) {
    console.log(usage);
    return undefined;
  }
  if (record && recorded) {
    throw new SetupError('--record needs TorchServe, and --recorded does without: choose one.');
  }
  return {
    python: python ?? process.env.COMPAT_PYTHON ?? 'python3',
    record,
    recorded,
    reference,
    scenarios: scenario,
  };
}

/**
 * The scenarios that were asked for.
 *
 * @template {{name: string}} T
 * @param {readonly T[]} all
 * @param {string[] | undefined} names
 */
export function chooseScenarios(all, names) {
  const unknown = names?.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ');
    throw new SetupError(`There is no scenario ${unknown}. Scenarios: ${known}`);
  }
  return all.filter(({ name }) => names?.includes(name) ?? true);
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        python: { type: 'string' },
        record: { type: 'boolean', default: false },
        recorded: { type: 'boolean', default: false },
        reference: { type: 'boolean', default: false },
        scenario: { type: 'string', multiple: true },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new SetupError(`${error.message}\n\n${usage}`);
  }
}

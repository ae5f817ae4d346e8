import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../lib/root.mjs';
import { SetupError } from '../../lib/setup-error.mjs';

const help = `npm run bench -- [subject …] [options]

  --subject NAME   what to measure, as the names without a flag; may be given several times
                   (default: alpha)
  --repeat N       rounds; every contender is measured once in each (default: 5)
  --duration S     whole seconds per measurement (default: 3)
  --quick          one round of one second at fewer points: does it run at all?
  --device NAME    where the model runs, passed on to Sconce: cpu, cuda, cuda:N (default: cpu)
  --out FOLDER     where figures and plots go; FOLDER.md is the page (default: docs/benchmarks)
  --render         measure nothing: write page and plot again from the figures in FOLDER
  --help           this text`;

/**
 * @typedef {object} BenchOptions
 * @property {string[]} subjects
 * @property {number} repeat
 * @property {number} duration seconds
 * @property {boolean} quick
 * @property {string} device
 * @property {string} out absolute
 * @property {boolean} render
 */

/**
 * @param {string[]} given
 * @returns {BenchOptions | undefined} nothing when all that was wanted is the help
 */
export function parseOptions(given) {
  const { values, positionals } = parse(given);
  if (values.help) {
    console.log(help);
    return undefined;
  }
  const number = (name, fallback) => {
    const value = Number(values[name] ?? fallback);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new SetupError(`--${name} ${values[name]} must be a whole number from 1 on`);
  };
  return {
    subjects: subjectsOf([...(values.subject ?? []), ...positionals]),
    repeat: number('repeat', values.quick ? 1 : 5),
    duration: number('duration', values.quick ? 1 : 3),
    quick: values.quick ?? false,
    device: values.device ?? 'cpu',
    out: values.out === undefined ? join(root, 'docs/benchmarks') : resolve(values.out),
    render: values.render ?? false,
  };
}

/**
 * The command that repeats a measurement. Where the figures go is left out: it changes nothing.
 *
 * @param {string} subject
 * @param {BenchOptions} options
 */
export function commandOf(subject, { repeat, duration, quick, device }) {
  const flags = [`--subject ${subject}`, `--repeat ${repeat}`, `--duration ${duration}`];
  if (quick) flags.push('--quick');
  if (device !== 'cpu') flags.push(`--device ${device}`);
  return `npm run bench -- ${flags.join(' ')}`;
}

function subjectsOf(names) {
  return names.length === 0 ? ['alpha'] : [...new Set(names)];
}

function parse(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        subject: { ...text, multiple: true },
        repeat: text,
        duration: text,
        quick: flag,
        device: text,
        out: text,
        render: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new SetupError(`${error.message}\n\n${help}`);
  }
}

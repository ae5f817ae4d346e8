import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from '../../lib/setup-error.mjs';
import { standardFolder } from './report.mjs';
import { subjectNames, subjectsOf } from './subject.mjs';

const help = `npm run bench -- [subject …] [options]

  --subject NAME   what to measure, as the names without a flag; may be given several times
                   (default: all of the device): on the CPU, about half an hour,
                   ${subjectsOf('cpu').join(', ')};
                   on a GPU, about four minutes,
                   ${subjectsOf('cuda').join(', ')}
  --repeat N       rounds; every contender is measured once in each (default: the subject's, or 5)
  --duration S     whole seconds per measurement (default: the subject's, or 3)
  --quick          one round of one second at fewer points: does it run at all?
  --device NAME    where the model runs, passed on to Sconce: cpu, cuda, cuda:N (default: cpu)
  --out FOLDER     where figures and plots go; FOLDER.md is the page (default: docs/benchmarks,
                   for subjects on the device that they are for)
  --render         measure nothing: write page and plot again from the figures in FOLDER
  --help           this text`;

/**
 * @typedef {object} BenchOptions
 * @property {string[]} subjects
 * @property {number | undefined} repeat undefined: as the subject says
 * @property {number | undefined} duration seconds; undefined: as the subject says
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
  const number = (name) => {
    const given = values[name] ?? (values.quick ? 1 : undefined);
    if (given === undefined) return undefined;
    const value = Number(given);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new SetupError(`--${name} ${values[name]} must be a whole number from 1 on`);
  };
  const device = values.device ?? 'cpu';
  const named = [...new Set([...(values.subject ?? []), ...positionals])];
  const ofDevice = values.render ? subjectNames : subjectsOf(device);
  const subjects = named.length === 0 ? ofDevice : named;
  const elsewhere = subjects.filter(
    (name) => subjectNames.includes(name) && !ofDevice.includes(name),
  );
  if (elsewhere.length > 0 && values.out === undefined) {
    throw new SetupError(
      `${elsewhere.join(', ')} on ${device}: the page has no place for such figures; name a folder for them with --out`,
    );
  }
  return {
    subjects,
    repeat: number('repeat'),
    duration: number('duration'),
    quick: values.quick ?? false,
    device,
    out: values.out === undefined ? standardFolder : resolve(values.out),
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

/**
 * The options of one subject: where flags say nothing, what it says itself.
 *
 * @param {BenchOptions} options
 * @param {import('./subject.mjs').Subject} subject
 */
export function optionsFor(options, { defaults }) {
  return {
    ...options,
    repeat: options.repeat ?? defaults?.repeat ?? 5,
    duration: options.duration ?? defaults?.duration ?? 3,
  };
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

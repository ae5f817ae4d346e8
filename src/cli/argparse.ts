/** A flag as Python's argparse knows it. */
export interface ArgparseFlag {
  long: string;
  short?: string;
  /** Absent for a flag that takes no value. */
  metavar?: string;
  required?: boolean;
  choices?: readonly string[];
  fallback?: string;
}

/** What argparse says of wrong arguments. */
export class UsageError extends Error {}

/** An argument that is a flag, with what is joined to it. */
interface FlagArgument {
  flag: ArgparseFlag;
  value: string | undefined;
  /** More flags of one letter, as an argument of their own. */
  group: string | undefined;
}

const help: ArgparseFlag = { long: '--help', short: '-h' };

/**
 * Reads a command line as Python's argparse does: long flags may be cut to any beginning that fits
 * only one, flags of one letter may be joined, the last of a flag counts.
 *
 * @returns the values by long flag, with the defaults; undefined when help is asked for.
 * @throws {UsageError} in argparse's words.
 */
export function parseArguments(
  args: readonly string[],
  flags: readonly ArgparseFlag[],
): Map<string, string | true> | undefined {
  const values = new Map<string, string | true>();
  const extra: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      extra.push(arg, ...rest);
      break;
    }
    const found = readFlag(arg, [help, ...flags]);
    if (found === undefined) {
      extra.push(arg);
      continue;
    }
    values.set(found.flag.long, readValue(found, rest));
    if (found.flag === help) return undefined;
  }
  checkComplete(values, extra, flags);
  const defaults = flags.flatMap(({ long, fallback }) =>
    fallback === undefined ? [] : [[long, fallback] as const],
  );
  return new Map<string, string | true>([...defaults, ...values]);
}

/** The value of a flag, which may be the next of the arguments that are left. */
function readValue({ flag, value, group }: FlagArgument, rest: string[]): string | true {
  if (flag.metavar === undefined) {
    if (value !== undefined) throw wrong(flag, `ignored explicit argument '${value}'`);
    if (group !== undefined) rest.unshift(group);
    return true;
  }
  const given = value ?? rest.shift();
  if (given === undefined || (value === undefined && looksLikeFlag(given))) {
    throw wrong(flag, 'expected one argument');
  }
  if (flag.choices?.includes(given) === false) {
    const choices = flag.choices.map((choice) => `'${choice}'`).join(', ');
    throw wrong(flag, `invalid choice: '${given}' (choose from ${choices})`);
  }
  return given;
}

function checkComplete(
  values: ReadonlyMap<string, unknown>,
  extra: readonly string[],
  flags: readonly ArgparseFlag[],
): void {
  const missing = flags.filter(({ required, long }) => required === true && !values.has(long));
  if (missing.length > 0) {
    const names = missing.map(display).join(', ');
    throw new UsageError(`the following arguments are required: ${names}`);
  }
  if (extra.length > 0) throw new UsageError(`unrecognized arguments: ${extra.join(' ')}`);
}

function readFlag(arg: string, flags: readonly ArgparseFlag[]): FlagArgument | undefined {
  const [, name = '', value] = /^(--[^=]*)(?:=([\s\S]*))?$/.exec(arg) ?? [];
  const flag = name === '' ? undefined : findLong(arg, name, flags);
  if (flag !== undefined) return { flag, value, group: undefined };
  return readShort(arg, flags);
}

function readShort(arg: string, flags: readonly ArgparseFlag[]): FlagArgument | undefined {
  const bearing = (letter: string) => flags.find(({ short }) => short === `-${letter}`);
  const flag = arg.startsWith('-') ? bearing(arg.charAt(1)) : undefined;
  if (flag === undefined) return undefined;
  const joined = arg.slice(2);
  if (joined === '') return { flag, value: undefined, group: undefined };
  if (flag.metavar === undefined && bearing(joined.charAt(0)) !== undefined) {
    return { flag, value: undefined, group: `-${joined}` };
  }
  return { flag, value: joined.replace(/^=/, ''), group: undefined };
}

function findLong(
  arg: string,
  name: string,
  flags: readonly ArgparseFlag[],
): ArgparseFlag | undefined {
  const exact = flags.find(({ long }) => long === name);
  if (exact !== undefined) return exact;
  const fitting = flags.filter(({ long }) => long.startsWith(name));
  if (fitting.length > 1) {
    const names = fitting.map(({ long }) => long).join(', ');
    throw new UsageError(`ambiguous option: ${arg} could match ${names}`);
  }
  return fitting[0];
}

/** A dash alone, negative numbers, and what has a space in it, are values. */
function looksLikeFlag(arg: string): boolean {
  return /^-[^ ]+$/.test(arg) && !/^-\d+$|^-\d*\.\d+$/.test(arg);
}

function display({ long, short }: ArgparseFlag): string {
  return short === undefined ? long : `${short}/${long}`;
}

function wrong(flag: ArgparseFlag, problem: string): UsageError {
  return new UsageError(`argument ${display(flag)}: ${problem}`);
}

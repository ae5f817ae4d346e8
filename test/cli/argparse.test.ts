import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ArgparseFlag, parseArguments, UsageError } from '../../src/cli/argparse.js';

const flags: ArgparseFlag[] = [
  { long: '--name', metavar: 'NAME', required: true },
  { long: '--name-file', metavar: 'NAME_FILE' },
  { long: '--kind', metavar: 'KIND', choices: ['one', 'two'], fallback: 'one' },
  { long: '--force', short: '-f' },
  { long: '--version', short: '-v', metavar: 'VERSION', required: true },
];

function parse(...args: string[]): Record<string, string | true> | undefined {
  const values = parseArguments(args, flags);
  return values && Object.fromEntries(values);
}

suite('arguments', () => {
  const complete = { '--kind': 'one', '--name': 'a', '--version': '1' };
  for (const [args, expected] of [
    ['--name a --version 1', complete],
    ['--name=a --version=1', complete],
    ['--name a -v1', complete],
    ['--name a -v=1', complete],
    ['--name a --v 1', complete],
    ['--name b --name a -v 2 -v 1', complete],
    ['--name a -fv 1', { ...complete, '--force': true }],
    ['--name a --fo -ffv1 --k two', { ...complete, '--force': true, '--kind': 'two' }],
    ['--name -1 -v -.5', { ...complete, '--name': '-1', '--version': '-.5' }],
    ['--name= -v=', { ...complete, '--name': '', '--version': '' }],
    ['--name - -v 1', { ...complete, '--name': '-' }],
    ['--name=--force -v=-f', { ...complete, '--name': '--force', '--version': '-f' }],
    ['--name a=b -v c=d', { ...complete, '--name': 'a=b', '--version': 'c=d' }],
  ] as const) {
    test(`${args} is read`, () => assert.deepEqual(parse(...args.split(' ')), expected));
  }

  test('with a dash and a space are values', () => {
    assert.equal(parse('--name', '-a b', '-v', '1')?.['--name'], '-a b');
  });

  for (const args of ['-h', '--help', '--he', '-fh', '--name a -h --unknown']) {
    test(`${args} ask for help`, () => assert.equal(parse(...args.split(' ')), undefined));
  }

  for (const [args, message] of [
    ['', 'the following arguments are required: --name, -v/--version'],
    ['x', 'the following arguments are required: --name, -v/--version'],
    ['--name a', 'the following arguments are required: -v/--version'],
    ['--name', 'argument --name: expected one argument'],
    ['--name --force', 'argument --name: expected one argument'],
    ['--name -x', 'argument --name: expected one argument'],
    ['--name -- a', 'argument --name: expected one argument'],
    ['--version', 'argument -v/--version: expected one argument'],
    ['-f=1', "argument -f/--force: ignored explicit argument '1'"],
    ['-fx', "argument -f/--force: ignored explicit argument 'x'"],
    ['--force=x', "argument -f/--force: ignored explicit argument 'x'"],
    ['--help=', "argument -h/--help: ignored explicit argument ''"],
    ['--na b', 'ambiguous option: --na could match --name, --name-file'],
    ['--=b', ambiguous('--=b')],
    ['--kind three', "argument --kind: invalid choice: 'three' (choose from 'one', 'two')"],
    ['--kind=', "argument --kind: invalid choice: '' (choose from 'one', 'two')"],
    ['--name a -v 1 b --none=3 -x', 'unrecognized arguments: b --none=3 -x'],
    ['--name a -v 1 -- --force', 'unrecognized arguments: -- --force'],
    ['--name a -v 1 -', 'unrecognized arguments: -'],
  ] as const) {
    test(`"${args}" are refused: ${message}`, () => {
      const given = args === '' ? [] : args.split(' ');
      assert.throws(() => parse(...given), new UsageError(message));
    });
  }
});

function ambiguous(arg: string): string {
  return `ambiguous option: ${arg} could match --help, ${flags.map(({ long }) => long).join(', ')}`;
}

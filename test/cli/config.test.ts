import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { addConfigCommand } from '../../src/cli/config.js';
import { allSettings } from '../../src/config/setting.js';

const folder = mkdtempSync(join(tmpdir(), 'sconce-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'c.properties');
writeFileSync(file, 'batch_size=8\nvmargs=-Xmx1g\nkeystore_pass=hush\nmodels={"m":{"1":{}}}\n');

/** What `sconce config` prints with these arguments. */
function print(context: TestContext, ...args: string[]): string {
  const log = context.mock.method(console, 'log', () => {});
  const program = new Command('sconce');
  addConfigCommand(program);
  program.parse(['config', ...args], { from: 'user' });
  const printed = log.mock.calls.map((call) => String(call.arguments[0])).join('\n');
  log.mock.restore();
  return printed;
}

suite('sconce config', () => {
  test('prints every setting with its value and its origin, and the notes', (context) => {
    const lines = print(
      context,
      '--ts-config',
      file,
      '--instances',
      '2',
      '--log-config',
      'x',
    ).split('\n');
    assert.equal(lines[0], `Configuration file: ${file}`);
    const rows = new Map(
      lines.slice(2, 2 + allSettings.length).map((line) => {
        const [name = '', value, ...origin] = line.split(/\s+/);
        return [name, [value, origin.join(' ')]];
      }),
    );
    assert.deepEqual(
      [...rows.keys()],
      allSettings.map(({ name }) => name),
    );
    assert.deepEqual(rows.get('batchSize'), ['8', `${file}:1`]);
    assert.deepEqual(rows.get('instances'), ['2', '--instances']);
    assert.deepEqual(rows.get('models'), ['{"m":{"1":{}}}', `${file}:4`]);
    assert.deepEqual(rows.get('modelStore'), ['-', 'default']);
    assert.deepEqual(rows.get('loadModels'), ['-', 'default']);
    assert.deepEqual(rows.get('keystorePass'), ['***', `${file}:3`]);
    assert.deepEqual(lines.slice(2 + allSettings.length), [
      '',
      'Note: --log-config has no effect: there is no log4j here; --log-level and --log-location say what is logged and where',
      `Note: ${file}:2: vmargs has no effect: there is no Java virtual machine here`,
    ]);
  });

  test('prints it as JSON', (context) => {
    const printed: unknown = JSON.parse(print(context, '--json', '--ts-config', file));
    assert.ok(typeof printed === 'object' && printed !== null);
    assert.ok('settings' in printed && 'configFile' in printed && 'notes' in printed);
    assert.equal(printed.configFile, file);
    assert.deepEqual(printed.notes, [
      `${file}:2: vmargs has no effect: there is no Java virtual machine here`,
    ]);
    const { settings } = printed;
    assert.ok(typeof settings === 'object' && settings !== null);
    const values = new Map<string, unknown>(Object.entries(settings));
    assert.deepEqual(values.get('batchSize'), { value: 8, origin: `${file}:1` });
    assert.deepEqual(values.get('keystorePass'), { value: '***', origin: `${file}:3` });
    assert.deepEqual(values.get('modelStore'), { origin: 'default' });
    assert.equal(values.size, allSettings.length);
  });

  test('prints what the command torchserve would use', (context) => {
    const [row] = print(context, '--profile', 'torchserve')
      .split('\n')
      .filter((line) => line.startsWith('disableTokenAuthorization '));
    assert.match(row ?? '', /^disableTokenAuthorization +false +default of torchserve$/);
  });

  test('says in one line what is wrong, and exits 1', () => {
    const said: string[] = [];
    const program = new Command('sconce').exitOverride();
    program.configureOutput({ writeErr: (text) => said.push(text) });
    addConfigCommand(program);
    const [command] = program.commands;
    command?.exitOverride();
    assert.throws(
      () => program.parse(['config', '--batch-size', 'many'], { from: 'user' }),
      (error) => error instanceof CommanderError && error.exitCode === 1,
    );
    assert.deepEqual(said, ['Invalid configuration: --batch-size "many" must be integer\n']);
  });
});

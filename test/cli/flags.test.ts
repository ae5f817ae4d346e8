import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import { addSettingFlags, flagName, settingsFromFlags } from '../../src/cli/flags.js';
import { settingsSchema } from '../../src/config/settings.js';

function parse(...args: string[]): Record<string, unknown> {
  const command = new Command();
  addSettingFlags(command);
  command.parse(args, { from: 'user' });
  return settingsFromFlags(command.opts());
}

suite('flags', () => {
  test('are there for every setting', () => {
    const command = new Command();
    addSettingFlags(command);
    assert.deepEqual(
      command.options.map(({ long }) => long),
      Object.keys(settingsSchema.properties).map((name) => `--${flagName(name)}`),
    );
  });

  test('show the description and the default', () => {
    const command = new Command();
    addSettingFlags(command);
    assert.match(command.helpInformation(), /--inference-port <value>\s+Port of the inference API/);
    assert.match(command.helpInformation(), /\(default:\s+8080\)/);
  });

  test('that are not given are no settings', () => {
    assert.deepEqual(parse(), {});
  });

  test('become numbers, booleans, lists and texts', () => {
    assert.deepEqual(
      parse(
        ...['--inference-port', '0', '--response-timeout', '0.5', '--freeze', 'false'],
        ...['--host', '1', '--models', 'a=b', 'c,d', ',', 'e'],
      ),
      {
        inferencePort: 0,
        responseTimeout: 0.5,
        freeze: false,
        host: '1',
        models: ['a=b', 'c', 'd', 'e'],
      },
    );
  });

  test('may be repeated, and written with =', () => {
    assert.deepEqual(parse('--models=a', '--models=b', '--batch-size=3'), {
      models: ['a', 'b'],
      batchSize: 3,
    });
  });

  test('of booleans may stand alone', () => {
    assert.deepEqual(parse('--freeze'), { freeze: true });
  });

  test('that make no sense stay what they are, for the schema to refuse', () => {
    assert.deepEqual(parse('--batch-size', 'many', '--freeze', 'yes', '--instances', ' '), {
      batchSize: 'many',
      freeze: 'yes',
      instances: ' ',
    });
  });
});

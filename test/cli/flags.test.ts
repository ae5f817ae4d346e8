import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import {
  addSettingFlags,
  addTorchServeFlags,
  commandFlags,
  settingsFromFlags,
} from '../../src/cli/flags.js';
import { allSettings } from '../../src/config/setting.js';

function optionsOf(...args: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addSettingFlags(command);
  addTorchServeFlags(command);
  command.parse(args, { from: 'user' });
  return command.opts();
}

const parse = (...args: string[]) => settingsFromFlags(optionsOf(...args));

suite('flags of settings', () => {
  test('are there for every setting but those of JSON', () => {
    const command = new Command();
    addSettingFlags(command);
    assert.deepEqual(
      command.options.map(({ long }) => long),
      allSettings.flatMap(({ flag }) => flag ?? []),
    );
    assert.deepEqual(
      allSettings.filter(({ flag }) => flag === undefined).map(({ name }) => name),
      ['models', 'modelSnapshot'],
    );
  });

  test('are named after the setting, but for --models', () => {
    for (const { name, flag } of allSettings) {
      if (flag === undefined || name === 'loadModels') continue;
      const camel = flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      assert.equal(camel, name);
    }
    assert.equal(allSettings.find(({ name }) => name === 'loadModels')?.flag, '--models');
  });

  test('show the description and the default, by groups', () => {
    const command = new Command();
    addSettingFlags(command);
    const help = command.configureHelp({ helpWidth: 200 }).helpInformation();
    assert.match(help, /^Listeners:\n +--inference-address <value> +Address of the inference API/m);
    assert.match(help, /--job-queue-size <value> .*\(default: 100\)/);
    assert.match(help, /^Requests and batches:$/m);
  });

  test('show the defaults of torchserve under its name', () => {
    const command = new Command();
    addSettingFlags(command, 'torchserve');
    const help = command.configureHelp({ helpWidth: 200 }).helpInformation();
    assert.match(help, /--disable-token-authorization .*\(default: false\)/);
    assert.match(help, /--job-queue-size <value> .*\(default: 100\)/);
  });

  test('that are not given are no settings', () => {
    assert.deepEqual(parse(), {});
  });

  test('become numbers, booleans, lists and texts', () => {
    assert.deepEqual(
      parse(
        ...['--max-batch-delay', '0', '--default-response-timeout', '0.5', '--freeze', 'False'],
        ...['--model-store', '1', '--models', 'a=b', 'c,d', '--allowed-urls', 'e', 'f,g'],
      ),
      {
        maxBatchDelay: 0,
        defaultResponseTimeout: 0.5,
        freeze: false,
        modelStore: '1',
        loadModels: ['a=b', 'c,d'],
        allowedUrls: ['e', 'f', 'g'],
      },
    );
  });

  test('may be repeated, and written with =', () => {
    assert.deepEqual(parse('--models=a', '--models=b', '--batch-size=3'), {
      loadModels: ['a', 'b'],
      batchSize: 3,
    });
  });

  test('of booleans may stand alone', () => {
    assert.deepEqual(parse('--freeze', '--enable-model-api'), {
      freeze: true,
      enableModelApi: true,
    });
  });

  test('that make no sense stay what they are, for the schema to refuse', () => {
    assert.deepEqual(parse('--batch-size', 'many', '--freeze', 'yes', '--instances', ' '), {
      batchSize: 'many',
      freeze: 'yes',
      instances: '',
    });
  });
});

suite("TorchServe's own flags", () => {
  test('that are not given say nothing', () => {
    assert.deepEqual(commandFlags(optionsOf()), {
      start: false,
      stop: false,
      foreground: false,
      configFile: undefined,
      notes: [],
    });
  });

  test('say what the command does', () => {
    const options = optionsOf('--start', '--stop', '--foreground', '--ts-config', 'c.properties');
    assert.deepEqual(commandFlags(options), {
      start: true,
      stop: true,
      foreground: true,
      configFile: 'c.properties',
      notes: [],
    });
  });

  test('set what they are other names of', () => {
    for (const flag of ['--disable-token-auth', '--dt']) {
      assert.deepEqual(parse(flag), { disableTokenAuthorization: true });
    }
    for (const flag of ['--no-config-snapshots', '--ncs']) {
      assert.deepEqual(parse(flag), { configSnapshots: false });
    }
    assert.deepEqual(parse('--config-snapshots'), { configSnapshots: true });
    assert.deepEqual(parse('--dt', '--disable-token-authorization', 'false'), {
      disableTokenAuthorization: false,
    });
  });

  test('without effect come with a note each', () => {
    const options = optionsOf(
      ...['--workflow-store', 'w', '--log-config', 'l', '--cpp-log-config', 'c', '--ppath', 'p'],
    );
    assert.deepEqual(commandFlags(options).notes, [
      '--workflow-store has no effect: workflows are not served',
      '--log-config has no effect: there is no log4j here; --log-level and --log-location say what is logged and where',
      '--cpp-log-config has no effect: models run in this process, without C++ workers',
      "--plugins-path has no effect: plugins are Java's, and there is no Java virtual machine here",
    ]);
    assert.deepEqual(settingsFromFlags(options), {});
  });

  test('take the start command of TorchServe as it is', () => {
    const options = optionsOf(
      ...['--start', '--model-store', 'model_store', '--models', 'alpha_model=alpha_model.mar'],
      ...['--ts-config', 'config.properties', '--ncs'],
    );
    assert.deepEqual(settingsFromFlags(options), {
      modelStore: 'model_store',
      loadModels: ['alpha_model=alpha_model.mar'],
      configSnapshots: false,
    });
    assert.equal(commandFlags(options).configFile, 'config.properties');
  });
});

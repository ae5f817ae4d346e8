import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseSettings, settingsSchema } from '../../src/config/settings.js';
import { SconceError } from '../../src/errors.js';

/** Message of the refusal of one setting. */
function refusal(given: Record<string, unknown>): string {
  try {
    parseSettings(given);
  } catch (error) {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    return error.message;
  }
  return assert.fail(`${JSON.stringify(given)} was accepted`);
}

suite('settings that are not given', () => {
  test('have the documented defaults', () => {
    assert.deepEqual(parseSettings({}), {
      host: '127.0.0.1',
      inferencePort: 8080,
      managementPort: 8081,
      metricsPort: 8082,
      models: [],
      device: 'auto',
      instances: 1,
      intraOpThreads: 0,
      batchSize: 32,
      jobQueueSize: 100,
      responseTimeout: 120,
      maxRequestSize: 6_553_500,
      slabMemory: 1024,
      freeze: true,
      poolThreads: 0,
      drainTimeout: 30,
      logLevel: 'info',
    });
  });

  test('leave what is given alone', () => {
    const given = { batchSize: 4, models: ['a'] };
    assert.equal(parseSettings(given).batchSize, 4);
    assert.deepEqual(given, { batchSize: 4, models: ['a'] });
  });
});

suite('every number', () => {
  const numbers = [
    ['inferencePort', 0, 65_535],
    ['managementPort', 0, 65_535],
    ['metricsPort', 0, 65_535],
    ['instances', 1, 256],
    ['intraOpThreads', 0, 1024],
    ['batchSize', 1, 65_536],
    ['jobQueueSize', 1, 1_000_000],
    ['maxRequestSize', 1, 2_147_483_647],
    ['slabMemory', 1, 1_048_576],
    ['poolThreads', 0, 64],
  ] as const;
  for (const [name, least, most] of numbers) {
    test(`${name} is an integer from ${least} to ${most}`, () => {
      assert.equal(parseSettings({ [name]: least })[name], least);
      assert.equal(parseSettings({ [name]: most })[name], most);
      for (const wrong of [least - 1, most + 1, least + 0.5, '7', true, null, Number.NaN]) {
        const message = refusal({ [name]: wrong });
        const start = `Invalid configuration: ${name} ${JSON.stringify(wrong)} must be `;
        assert.ok(message.startsWith(start), message);
      }
      assert.match(refusal({ [name]: least - 1 }), new RegExp(`must be >= ${least}$`));
      assert.match(refusal({ [name]: most + 1 }), new RegExp(`must be <= ${most}$`));
    });
  }

  for (const [name, most] of [
    ['responseTimeout', 86_400],
    ['drainTimeout', 3600],
  ] as const) {
    test(`${name} is more than 0 seconds and at most ${most}`, () => {
      assert.equal(parseSettings({ [name]: 0.001 })[name], 0.001);
      assert.equal(parseSettings({ [name]: most })[name], most);
      assert.match(refusal({ [name]: 0 }), /must be > 0$/);
      assert.match(refusal({ [name]: -1 }), /must be > 0$/);
      assert.match(refusal({ [name]: most + 1 }), new RegExp(`must be <= ${most}$`));
      assert.match(refusal({ [name]: Number.POSITIVE_INFINITY }), /must be/);
    });
  }
});

suite('every other setting', () => {
  test('device is auto, cpu, cuda or cuda:N', () => {
    for (const device of ['auto', 'cpu', 'cuda', 'cuda:0', 'cuda:17']) {
      assert.equal(parseSettings({ device }).device, device);
    }
    for (const device of ['gpu', 'cuda:', 'cuda:x', 'CPU', '', 'cuda:-1', 'cpu ']) {
      assert.equal(
        refusal({ device }),
        `Invalid configuration: device "${device}" must be auto, cpu, cuda or cuda:N`,
      );
    }
  });

  test('logLevel is one of the levels, and the message lists them', () => {
    for (const logLevel of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) {
      assert.equal(parseSettings({ logLevel }).logLevel, logLevel);
    }
    assert.equal(
      refusal({ logLevel: 'loud' }),
      'Invalid configuration: logLevel "loud" must be one of fatal, error, warn, info, debug, trace, silent',
    );
  });

  test('freeze is a boolean', () => {
    assert.equal(parseSettings({ freeze: false }).freeze, false);
    assert.equal(refusal({ freeze: 'yes' }), 'Invalid configuration: freeze "yes" must be boolean');
  });

  test('texts are not empty', () => {
    for (const name of ['host', 'modelStore']) {
      assert.match(refusal({ [name]: '' }), new RegExp(`^Invalid configuration: ${name} "" must`));
    }
    assert.match(refusal({ models: [''] }), /^Invalid configuration: models \[""\] must/);
    assert.match(refusal({ models: 'a' }), /models "a" must be array$/);
  });

  test('a name that is no setting is refused', () => {
    assert.equal(refusal({ ports: 1 }), 'Invalid configuration: ports 1 is not known here');
  });

  test('has a description', () => {
    for (const [name, schema] of Object.entries(settingsSchema.properties)) {
      assert.ok('description' in schema && String(schema.description).endsWith('.'), name);
    }
  });
});

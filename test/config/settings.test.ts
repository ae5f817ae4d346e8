import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseSettings, settingsSchema } from '../../src/config/settings.js';
import { SconceError } from '../../src/errors.js';
import { refusalOf } from './refusal.js';

const refusal = (given: Record<string, unknown>) => refusalOf(() => parseSettings(given));

suite('settings that are not given', () => {
  test('have the documented defaults', () => {
    assert.deepEqual(parseSettings({}), {
      inferenceAddress: 'http://127.0.0.1:8080',
      managementAddress: 'http://127.0.0.1:8081',
      metricsAddress: 'http://127.0.0.1:8082',
      keystorePass: 'changeit',
      keystoreType: 'PKCS12',
      httpThreads: 1,
      closeConnectionOnError: true,
      drainTimeout: 30,
      loadModels: [],
      models: {},
      configSnapshots: false,
      allowedUrls: [],
      archiveLimit: 65_536,
      downloadTimeout: 60,
      unregisterModelTimeout: 120,
      enableModelApi: false,
      device: 'auto',
      onDeviceFailure: 'exit',
      instances: 1,
      defaultWorkersPerModel: 0,
      autoscale: false,
      intraOpThreads: 0,
      precision: 'float32',
      cudaGraphs: 'auto',
      cudaGraphMemory: 1024,
      plan: 'auto',
      planTime: 20,
      tolerance: 1e-4,
      runOnLoop: 'auto',
      freeze: true,
      operatorLibraries: [],
      defaultStartupTimeout: 120,
      slabMemory: 1024,
      poolThreads: 0,
      handlerThreads: 0,
      handlerMemory: 512,
      handlerErrors: true,
      python: 'python3',
      installPyDepPerModel: false,
      maxBatchDelay: 100,
      batchPolicy: 'immediate',
      jobQueueSize: 100,
      defaultResponseTimeout: 120,
      maxRequestSize: 6_553_500,
      maxResponseSize: 6_553_500,
      tsOpenInferenceProtocol: false,
      limitMaxImagePixels: true,
      decodeInputRequest: true,
      enableMetricsApi: true,
      metricsMode: 'log',
      modelMetricsAutoDetect: false,
      disableSystemMetrics: false,
      metricTimeInterval: 60,
      logLevel: 'info',
      accessLog: false,
      disableTokenAuthorization: true,
      tokenExpirationMin: 60,
      tokenExemptPing: false,
      enableEnvvarsConfig: false,
      useEnvAllowedUrls: false,
    });
  });

  test('leave what is given alone', () => {
    const given = { batchSize: 4, loadModels: ['a'] };
    assert.equal(parseSettings(given).batchSize, 4);
    assert.deepEqual(given, { batchSize: 4, loadModels: ['a'] });
  });
});

suite('every number', () => {
  const integers = [
    ['archiveLimit', 1, 16_777_216],
    ['numberOfGpu', 0, 1024],
    ['instances', 1, 256],
    ['defaultWorkersPerModel', 0, 256],
    ['intraOpThreads', 0, 1024],
    ['slabMemory', 1, 1_048_576],
    ['cudaGraphMemory', 1, 1_048_576],
    ['poolThreads', 0, 64],
    ['batchSize', 1, 65_536],
    ['maxBatchDelay', 0, 3_600_000],
    ['jobQueueSize', 1, 1_000_000],
    ['maxRequestSize', 1, 2_147_483_647],
    ['maxResponseSize', 1, 2_147_483_647],
    ['metricTimeInterval', 1, 86_400],
  ] as const;
  for (const [name, least, most] of integers) {
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
    ['defaultResponseTimeout', 86_400],
    ['downloadTimeout', 86_400],
    ['drainTimeout', 3600],
    ['planTime', 3600],
    ['tokenExpirationMin', 5_256_000],
  ] as const) {
    test(`${name} is more than 0 and at most ${most}`, () => {
      assert.equal(parseSettings({ [name]: 0.001 })[name], 0.001);
      assert.equal(parseSettings({ [name]: most })[name], most);
      assert.match(refusal({ [name]: 0 }), /must be > 0$/);
      assert.match(refusal({ [name]: -1 }), /must be > 0$/);
      assert.match(refusal({ [name]: most + 1 }), new RegExp(`must be <= ${most}$`));
      assert.match(refusal({ [name]: Number.POSITIVE_INFINITY }), /must be/);
    });
  }

  for (const name of ['defaultStartupTimeout', 'unregisterModelTimeout'] as const) {
    test(`${name} is from 0 to a day`, () => {
      assert.equal(parseSettings({ [name]: 0 })[name], 0);
      assert.equal(parseSettings({ [name]: 86_400 })[name], 86_400);
      assert.match(refusal({ [name]: -0.1 }), /must be >= 0$/);
      assert.match(refusal({ [name]: 86_401 }), /must be <= 86400$/);
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

  test('addresses are those of listeners', () => {
    for (const name of ['inferenceAddress', 'managementAddress', 'metricsAddress'] as const) {
      for (const address of ['http://0.0.0.0:0', 'https://[::]:1', 'unix:/tmp/s']) {
        assert.equal(parseSettings({ [name]: address })[name], address);
      }
      assert.equal(
        refusal({ [name]: '127.0.0.1:8080' }),
        `Invalid configuration: ${name}: Invalid binding address: 127.0.0.1:8080`,
      );
      assert.equal(
        refusal({ [name]: 'http://a:65535' }),
        `Invalid configuration: ${name}: Invalid port number: http://a:65535`,
      );
      assert.match(refusal({ [name]: 8080 }), / 8080 must be string$/);
    }
  });

  test('allowedUrls are regular expressions', () => {
    const allowedUrls = ['https://a/.*', 'file://.*'];
    assert.deepEqual(parseSettings({ allowedUrls }).allowedUrls, allowedUrls);
    assert.equal(
      refusal({ allowedUrls: ['a', '('] }),
      'Invalid configuration: allowedUrls: "(" is not a regular expression of JavaScript',
    );
  });

  test('choices are listed in the message', () => {
    const choices = {
      logLevel: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      precision: ['float32', 'tf32', 'bfloat16', 'float16'],
      cudaGraphs: ['auto', 'always', 'never'],
      plan: ['auto', 'off'],
      runOnLoop: ['auto', 'never'],
      batchPolicy: ['immediate', 'legacy'],
      metricsMode: ['log', 'prometheus', 'legacy'],
    } as const;
    for (const [name, values] of Object.entries(choices)) {
      for (const value of values) assert.ok(parseSettings({ [name]: value }));
      assert.equal(
        refusal({ [name]: 'loud' }),
        `Invalid configuration: ${name} "loud" must be one of ${values.join(', ')}`,
      );
    }
  });

  test('booleans are booleans', () => {
    assert.equal(parseSettings({ freeze: false }).freeze, false);
    assert.equal(refusal({ freeze: 'yes' }), 'Invalid configuration: freeze "yes" must be boolean');
  });

  test('texts are not empty, but for a password', () => {
    assert.match(refusal({ modelStore: '' }), /^Invalid configuration: modelStore "" must/);
    assert.match(refusal({ loadModels: [''] }), /^Invalid configuration: loadModels \[""\] must/);
    assert.match(refusal({ loadModels: 'a' }), /loadModels "a" must be array$/);
    assert.equal(parseSettings({ keystorePass: '' }).keystorePass, '');
  });

  test('models holds entries by name and version', () => {
    const models = { m: { '1.0': { minWorkers: -1, batchSize: 8, other: 'x' } } };
    assert.deepEqual(parseSettings({ models }).models, models);
    assert.equal(
      refusal({ models: { m: { '1.0': { batchSize: 'x' } } } }),
      'Invalid configuration: models.m.1.0.batchSize "x" must be integer',
    );
    assert.equal(
      refusal({ models: { m: { '1.0': { maxWorkers: 257 } } } }),
      'Invalid configuration: models.m.1.0.maxWorkers 257 must be <= 256',
    );
    assert.equal(refusal({ models: { m: 1 } }), 'Invalid configuration: models.m 1 must be object');
    assert.equal(refusal({ models: [] }), 'Invalid configuration: models [] must be object');
    assert.equal(
      refusal({ models: '"x"' }),
      'Invalid configuration: models: must be a JSON object',
    );
    assert.match(
      refusal({ models: '{"m": ' }),
      /^Invalid configuration: models: is not JSON: Unexpected end of JSON input$/,
    );
  });

  test('a long value is shown in part', () => {
    const message = refusal({ precision: 'x'.repeat(10_000) });
    assert.ok(message.length < 400, message);
  });

  test('a value that is nested without end is refused', () => {
    const depth = 100_000;
    const nested: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    for (const given of [
      { models: nested },
      { models: { m: { 1: { x: nested } } } },
      { batchSize: nested },
    ]) {
      assert.match(refusal(given), /^Invalid configuration: \w+ is nested too deeply$/);
    }
  });

  test('a name that is no setting is refused', () => {
    assert.equal(refusal({ ports: 1 }), 'Invalid configuration: ports is not known here');
    const odd: unknown = JSON.parse('{"__proto__": 1}');
    assert.ok(typeof odd === 'object' && odd !== null);
    assert.match(refusal({ ...odd, constructor: 2 }), / is not known here$/);
  });

  test('has a description', () => {
    for (const [name, schema] of Object.entries(settingsSchema.properties)) {
      assert.ok('description' in schema && /[.`]$/.test(String(schema.description)), name);
    }
  });
});

test('any object is taken or refused with the name of a setting', () => {
  const name = fc.constantFrom(...Object.keys(settingsSchema.properties));
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(name, fc.string()), fc.jsonValue()), (given) => {
      try {
        parseSettings(given);
      } catch (error) {
        assert.ok(error instanceof SconceError, String(error));
        const named = Object.keys(given).some((key) =>
          error.message.startsWith(`Invalid configuration: ${key}`),
        );
        assert.ok(named, error.message);
      }
    }),
    { numRuns: 500 },
  );
});

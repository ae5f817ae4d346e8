import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  type ModelOptions,
  type ModelOptionsRequest,
  modelEntry,
  resolveModelOptions,
} from '../../src/config/model-options.js';
import { parseSettings, type Settings } from '../../src/config/settings.js';

function resolve(
  given: Partial<Omit<ModelOptionsRequest, 'settings'>> & { settings?: Partial<Settings> },
) {
  return resolveModelOptions({
    api: {},
    config: {},
    entry: undefined,
    batchSizeByDefault: 32,
    atStartup: true,
    ...given,
    settings: parseSettings(given.settings ?? {}),
  });
}

/** One value with its origin. */
function chosen(name: keyof ModelOptions, given: Parameters<typeof resolve>[0]): unknown[] {
  const { values, origins } = resolve(given);
  return [values[name], origins.get(name)];
}

test('a model of which nobody says anything has the values of the settings', () => {
  const { values, origins } = resolve({});
  assert.deepEqual(values, {
    batchSize: 32,
    maxBatchDelay: 100,
    batchPolicy: 'immediate',
    minWorkers: 1,
    maxWorkers: 1,
    autoscale: false,
    responseTimeout: 120,
    startupTimeout: 120,
    jobQueueSize: 100,
    clientTimeout: 0,
    maxRetryTimeout: 300,
    useJobTicket: false,
    maxMemory: undefined,
    weight: 1,
    device: 'auto',
    deviceIds: [],
    freeze: true,
    precision: 'float32',
    cudaGraphs: 'auto',
    cudaGraphMemory: 1024,
    plan: 'auto',
    planTime: 20,
    tolerance: 1e-4,
    runOnLoop: 'auto',
    intraOpThreads: 0,
    warmUp: true,
    handlerThreads: 0,
    handlerMemory: 512,
    handlerErrors: true,
  });
  assert.deepEqual([...origins.keys()].sort(), Object.keys(values).sort());
  assert.equal(origins.get('batchSize'), 'default');
  assert.equal(origins.get('minWorkers'), 'setting instances');
  assert.equal(origins.get('responseTimeout'), 'setting defaultResponseTimeout');
});

suite('the API goes before the file, that before `models`, that before the settings:', () => {
  const names = [
    ['batchSize', 'batchSize'],
    ['maxBatchDelay', 'maxBatchDelay'],
    ['responseTimeout', 'defaultResponseTimeout'],
    ['startupTimeout', 'defaultStartupTimeout'],
  ] as const;
  for (const [name, setting] of names) {
    test(name, () => {
      const [api, config, entry] = [{ [name]: 1 }, { [name]: 2 }, { [name]: 3 }];
      const settings = { [setting]: 4 };
      for (const atStartup of [true, false]) {
        const all = { api, config, entry, settings, atStartup };
        assert.deepEqual(chosen(name, all), [1, 'API']);
        assert.deepEqual(chosen(name, { ...all, api: {} }), [2, 'model-config.yaml']);
        assert.deepEqual(chosen(name, { ...all, api: {}, config: {} }), [3, 'setting models']);
        assert.deepEqual(chosen(name, { settings, atStartup }), [4, `setting ${setting}`]);
      }
    });
  }
});

suite('numbers that TorchServe passes over', () => {
  test('count as not given in `models`', () => {
    for (const none of [0, -1]) {
      const { values } = resolve({
        entry: {
          batchSize: none,
          maxBatchDelay: none,
          responseTimeout: none,
          startupTimeout: none,
          minWorkers: none,
          maxWorkers: none,
        },
      });
      assert.deepEqual(values, resolve({}).values);
    }
  });

  test('count as not given in a call of the API', () => {
    const api = { batchSize: 0, maxBatchDelay: -1, responseTimeout: 0, startupTimeout: -5 };
    assert.deepEqual(resolve({ api }).values, resolve({}).values);
  });
});

test('a delay of 0 is a delay', () => {
  assert.deepEqual(chosen('maxBatchDelay', { api: { maxBatchDelay: 0 } }), [0, 'API']);
  assert.deepEqual(chosen('maxBatchDelay', { config: { maxBatchDelay: 0 } }), [
    0,
    'model-config.yaml',
  ]);
});

test('a file without responseTimeout leaves that of the API and of `models`', () => {
  const config = { batchSize: 2 };
  assert.deepEqual(chosen('responseTimeout', { config, api: { responseTimeout: 7 } }), [7, 'API']);
  assert.deepEqual(chosen('responseTimeout', { config, entry: { responseTimeout: 8 } }), [
    8,
    'setting models',
  ]);
});

test('the file goes before the settings in all else', () => {
  const config = {
    batchPolicy: 'legacy',
    autoscale: true,
    jobQueueSize: 7,
    clientTimeoutInMills: 8,
    maxRetryTimeoutInSec: 9,
    useJobTicket: true,
    maxMemory: 12,
    weight: 0.5,
    device: 'cuda:1',
    freeze: false,
    precision: 'float16',
    plan: 'off',
    planTime: 1,
    tolerance: 0.5,
    runOnLoop: 'never',
    cudaGraphs: 'always',
    cudaGraphMemory: 64,
    intraOpThreads: 3,
    warmUp: false,
  } as const;
  const { values, origins } = resolve({ config });
  const { clientTimeoutInMills, maxRetryTimeoutInSec, ...others } = config;
  assert.deepEqual(values, {
    ...resolve({}).values,
    ...others,
    clientTimeout: clientTimeoutInMills,
    maxRetryTimeout: maxRetryTimeoutInSec,
  });
  for (const name of ['clientTimeout', 'maxRetryTimeout', 'device', 'warmUp'] as const) {
    assert.equal(origins.get(name), 'model-config.yaml');
  }
  const settings = {
    batchPolicy: 'legacy',
    autoscale: true,
    jobQueueSize: 7,
    device: 'cpu',
    freeze: false,
    precision: 'float16',
    plan: 'off',
    planTime: 1,
    tolerance: 0.5,
    runOnLoop: 'never',
    cudaGraphs: 'never',
    cudaGraphMemory: 64,
    intraOpThreads: 3,
  } as const;
  assert.deepEqual(resolve({ settings }).values, { ...resolve({}).values, ...settings });
});

suite('workers at start', () => {
  const of = (given: Parameters<typeof resolve>[0]) => {
    const { values, origins } = resolve({ ...given, atStartup: true });
    assert.equal(origins.get('minWorkers'), origins.get('maxWorkers'));
    return [values.minWorkers, values.maxWorkers, origins.get('minWorkers')];
  };
  const entry = { minWorkers: 3, maxWorkers: 5 };
  const settings = { defaultWorkersPerModel: 6, instances: 7 };

  test('are those of the file, of `models`, of the default, of the instances', () => {
    const config = { minWorkers: 1, maxWorkers: 2 };
    assert.deepEqual(of({ config, entry, settings }), [1, 2, 'model-config.yaml']);
    assert.deepEqual(of({ entry, settings }), [3, 5, 'setting models']);
    assert.deepEqual(of({ settings }), [6, 6, 'setting defaultWorkersPerModel']);
    assert.deepEqual(of({ settings: { instances: 7 } }), [7, 7, 'setting instances']);
  });

  test('are not those of a file with one bound, or with bounds that contradict', () => {
    for (const config of [{ minWorkers: 2 }, { maxWorkers: 2 }, { minWorkers: 2, maxWorkers: 1 }]) {
      assert.deepEqual(of({ config, entry, settings }), [3, 5, 'setting models']);
    }
  });

  test('are the instances of the file where it has no bounds', () => {
    const config = { instances: 4 };
    assert.deepEqual(of({ config, entry, settings }), [4, 4, 'model-config.yaml']);
    assert.deepEqual(of({ config: { ...config, minWorkers: 1, maxWorkers: 2 } }), [
      1,
      2,
      'model-config.yaml',
    ]);
  });

  test('keep the usual number where `models` has one bound, as far as it allows', () => {
    const usual = { instances: 4 };
    assert.deepEqual(of({ entry: { minWorkers: 2 }, settings: usual }), [2, 4, 'setting models']);
    assert.deepEqual(of({ entry: { minWorkers: 6 }, settings: usual }), [6, 6, 'setting models']);
    assert.deepEqual(of({ entry: { maxWorkers: 6 }, settings: usual }), [4, 6, 'setting models']);
    assert.deepEqual(of({ entry: { maxWorkers: 2 }, settings: usual }), [2, 2, 'setting models']);
    assert.deepEqual(of({ entry: { minWorkers: 5, maxWorkers: 3 } }), [5, 5, 'setting models']);
  });
});

suite('workers through the API', () => {
  const of = (given: Parameters<typeof resolve>[0]) => {
    const { values, origins } = resolve({ ...given, atStartup: false });
    return [values.minWorkers, values.maxWorkers, origins.get('minWorkers')];
  };

  test('are those of the file, of the call, of the default, and else none', () => {
    const config = { minWorkers: 1, maxWorkers: 2 };
    const api = { initialWorkers: 3 };
    const settings = { defaultWorkersPerModel: 6, instances: 7 };
    const entry = { minWorkers: 8, maxWorkers: 9 };
    assert.deepEqual(of({ config, api, settings, entry }), [1, 2, 'model-config.yaml']);
    assert.deepEqual(of({ api, settings, entry }), [3, 3, 'API']);
    assert.deepEqual(of({ settings, entry }), [6, 6, 'setting defaultWorkersPerModel']);
    assert.deepEqual(of({ settings: { instances: 7 }, entry }), [
      0,
      0,
      'setting defaultWorkersPerModel',
    ]);
  });

  test('may be none', () => {
    const settings = { defaultWorkersPerModel: 6 };
    assert.deepEqual(of({ api: { initialWorkers: 0 }, settings }), [0, 0, 'API']);
  });
});

suite('the device', () => {
  const of = (given: Parameters<typeof resolve>[0]) => {
    const { values } = resolve(given);
    return [values.device, values.deviceIds];
  };

  test('of TorchServe is the CPU, or any GPU there is', () => {
    assert.deepEqual(of({ config: { deviceType: 'cpu', deviceIds: [1] } }), ['cpu', []]);
    assert.deepEqual(of({ config: { deviceType: 'gpu' }, settings: { device: 'cpu' } }), [
      'auto',
      [],
    ]);
    assert.deepEqual(of({ config: { deviceType: 'gpu', deviceIds: [2, 3] } }), ['auto', [2, 3]]);
    assert.deepEqual(of({ config: { deviceIds: [1] } }), ['auto', [1]]);
  });

  test('of our key goes before', () => {
    assert.deepEqual(of({ config: { device: 'cuda:0', deviceType: 'cpu', deviceIds: [1] } }), [
      'cuda:0',
      [],
    ]);
  });
});

test('an entry of `models` is found by its own name and version only', () => {
  const { models } = parseSettings({ models: { m: { '1.0': { batchSize: 2 } } } });
  assert.deepEqual(modelEntry(models, 'm', '1.0'), { batchSize: 2 });
  for (const [name, version] of [
    ['m', '2.0'],
    ['n', '1.0'],
    ['constructor', 'name'],
    ['__proto__', 'constructor'],
    ['m', 'toString'],
  ] as const) {
    assert.equal(modelEntry(models, name, version), undefined);
  }
});

test('whatever is asked for, there are at most as many workers as the bound says', () => {
  const count = fc.option(fc.integer({ min: -2, max: 8 }), { nil: undefined });
  const bound = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined });
  const request = fc.record({
    api: fc.record({ initialWorkers: fc.option(fc.nat(8), { nil: undefined }) }),
    config: fc.record({ minWorkers: bound, maxWorkers: bound, instances: bound }),
    entry: fc.record({ minWorkers: count, maxWorkers: count }),
    atStartup: fc.boolean(),
    settings: fc.record({
      defaultWorkersPerModel: fc.nat(8),
      instances: fc.integer({ min: 1, max: 8 }),
    }),
  });
  const given = (values: Record<string, number | undefined>) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  fc.assert(
    fc.property(request, ({ config, entry, ...others }) => {
      const { values } = resolve({ ...others, config: given(config), entry: given(entry) });
      assert.ok(values.minWorkers >= (others.atStartup ? 1 : 0));
      assert.ok(values.maxWorkers >= values.minWorkers);
    }),
  );
});

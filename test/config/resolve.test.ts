import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { resolveSettings, type SettingsRequest } from '../../src/config/resolve.js';
import { allSettings } from '../../src/config/setting.js';
import { parseSettings } from '../../src/config/settings.js';
import { SconceError } from '../../src/errors.js';
import { refusalOf } from './refusal.js';

const root = mkdtempSync(join(tmpdir(), 'sconce-resolve-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;

/** A folder with these files. */
function folderWith(files: Record<string, string> = {}): string {
  folders += 1;
  const folder = join(root, String(folders));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const resolveWith = (given: Partial<SettingsRequest>) =>
  resolveSettings({
    flags: {},
    environment: {},
    workingFolder: root,
    profile: 'sconce',
    ...given,
  });

/** Settings from the text of a config.properties. */
const fromFile = (text: string, given: Partial<SettingsRequest> = {}) =>
  resolveWith({ workingFolder: folderWith({ 'config.properties': text }), ...given });

const on = 'enable_envvars_config=true\n';

suite('without any source', () => {
  test('every setting has its default', () => {
    const { settings, origins, notes, configFile } = resolveWith({});
    assert.deepEqual(settings, parseSettings({}));
    assert.deepEqual(
      [...origins],
      allSettings.map(({ name }) => [name, 'default']),
    );
    assert.deepEqual(notes, []);
    assert.equal(configFile, undefined);
  });

  test('torchserve asks for tokens', () => {
    const { settings, origins } = resolveWith({ profile: 'torchserve' });
    assert.equal(settings.disableTokenAuthorization, false);
    assert.equal(origins.get('disableTokenAuthorization'), 'default of torchserve');
    const given = fromFile('disable_token_authorization=true', { profile: 'torchserve' });
    assert.equal(given.settings.disableTokenAuthorization, true);
  });
});

suite('the configuration file', () => {
  const workingFolder = folderWith({
    'config.properties': 'job_queue_size=1',
    'flag.properties': 'job_queue_size=2',
    'env.properties': 'job_queue_size=3',
    'startup.cfg': 'job_queue_size=4',
  });
  const sources = {
    environment: { TS_CONFIG_FILE: 'env.properties' },
    configFile: 'flag.properties',
    snapshot: join(workingFolder, 'startup.cfg'),
  };

  test('is the one of the environment, of the flag, of the snapshot, of the folder', () => {
    const { environment, configFile, snapshot } = sources;
    const cases: [Partial<SettingsRequest>, number, string][] = [
      [{ environment, configFile, snapshot }, 3, 'env.properties'],
      [{ configFile, snapshot }, 2, 'flag.properties'],
      [{ snapshot }, 4, snapshot],
      [{}, 1, 'config.properties'],
      [{ environment: { TS_CONFIG_FILE: '' } }, 1, 'config.properties'],
      [{ profile: 'torchserve' }, 1, 'config.properties'],
    ];
    for (const [given, size, file] of cases) {
      const resolved = resolveWith({ workingFolder, ...given });
      assert.equal(resolved.settings.jobQueueSize, size);
      assert.equal(resolved.configFile, file);
      assert.equal(resolved.origins.get('jobQueueSize'), `${file}:1`);
    }
  });

  test('must be there when it is named', () => {
    const cases: [Partial<SettingsRequest>, string][] = [
      [{ configFile: 'no.properties' }, '--ts-config file not found: no.properties'],
      [{ environment: { TS_CONFIG_FILE: '/no/x' } }, 'TS_CONFIG_FILE file not found: /no/x'],
      [{ snapshot: '/no/y' }, 'snapshot file not found: /no/y'],
    ];
    for (const [given, message] of cases) {
      assert.equal(
        refusalOf(() => resolveWith({ workingFolder, ...given })),
        message,
      );
    }
  });

  test('must be readable', () => {
    assert.match(
      refusalOf(() => resolveWith({ configFile: root })),
      new RegExp(`^${root} cannot be read: EISDIR`),
    );
  });

  test('sets every setting by its key', () => {
    const text = `
      inference_address=http://0.0.0.0:8080
      management_address=unix:/tmp/m
      metrics_address=https://127.0.0.1:1
      load_models=a=x.pt,b=y.pt
      model_store=/models
      models={"m": {"1.0": \\
        {"minWorkers": 2}}}
      batch_size=32
      max_batch_delay=0
      default_response_timeout=0.5
      allowed_urls=https://a/.*, file://.*
      enable_model_api=TRUE
      token_expiration_min=1.5
      number_of_gpu=2
      metrics_mode=Prometheus
      keystore_pass= secret\\u0020
    `;
    const { settings, origins, notes } = fromFile(text);
    assert.deepEqual(notes, []);
    assert.deepEqual(settings, {
      ...parseSettings({}),
      inferenceAddress: 'http://0.0.0.0:8080',
      managementAddress: 'unix:/tmp/m',
      metricsAddress: 'https://127.0.0.1:1',
      loadModels: ['a=x.pt', 'b=y.pt'],
      modelStore: '/models',
      models: { m: { '1.0': { minWorkers: 2 } } },
      batchSize: 32,
      maxBatchDelay: 0,
      defaultResponseTimeout: 0.5,
      allowedUrls: ['https://a/.*', 'file://.*'],
      enableModelApi: true,
      tokenExpirationMin: 1.5,
      numberOfGpu: 2,
      metricsMode: 'prometheus',
      keystorePass: 'secret ',
    });
    assert.equal(origins.get('models'), 'config.properties:7');
    assert.equal(origins.get('batchSize'), 'config.properties:9');
    assert.equal(origins.get('freeze'), 'default');
  });

  test('has its wrong values named with file, line and key', () => {
    const cases = [
      [
        '\nbatch_size=abc',
        'Invalid configuration: config.properties:2: batch_size "abc" must be integer',
      ],
      [
        'batch_size=0x10',
        'Invalid configuration: config.properties:1: batch_size "0x10" must be integer',
      ],
      ['batch_size=0', 'Invalid configuration: config.properties:1: batch_size 0 must be >= 1'],
      ['freeze=1', 'Invalid configuration: config.properties:1: freeze "1" must be boolean'],
      [
        'inference_address=http://a:99999',
        'Invalid configuration: config.properties:1: inference_address: Invalid port number: http://a:99999',
      ],
      [
        'allowed_urls=a,(',
        'Invalid configuration: config.properties:1: allowed_urls: "(" is not a regular expression of JavaScript',
      ],
      ['models={', /^Invalid configuration: config\.properties:1: models: is not JSON: /],
      [
        '#\nmodels={"m":{"1":{"batchSize":"x"}}}',
        'Invalid configuration: config.properties:2: models.m.1.batchSize "x" must be integer',
      ],
      [
        'model_store=$$NO$$',
        'Invalid configuration: config.properties:1: Invalid Environment Variable NO',
      ],
    ] as const;
    for (const [text, message] of cases) {
      const given = refusalOf(() => fromFile(text));
      if (typeof message === 'string') assert.equal(given, message);
      else assert.match(given, message);
    }
  });

  test('has what it says in vain noted', () => {
    const { notes } = fromFile(
      'grpc_inference_port=7070\nbatchsize=1\nload_models=\nfreeze=true\nfreeze=false',
    );
    assert.deepEqual(notes, [
      'config.properties:5: freeze stands on line 4 too; this one counts',
      'config.properties:1: grpc_inference_port has no effect: gRPC is not served yet',
      'config.properties:2: batchsize is not known and has no effect; did you mean batch_size?',
      'config.properties:3: load_models has no value and sets nothing',
    ]);
  });

  test('of an unknown metrics mode counts as log, with a note', () => {
    const { settings, origins, notes } = fromFile('metrics_mode=loud');
    assert.equal(settings.metricsMode, 'log');
    assert.equal(origins.get('metricsMode'), 'default');
    assert.deepEqual(notes, [
      'config.properties:1: metrics_mode "loud" is none of log, prometheus, legacy; it counts as log',
    ]);
  });

  test('counts as false where a switch of TorchServe is neither true nor false, with a note', () => {
    const { settings, origins, notes } = fromFile('enable_model_api=yes\nenable_metrics_api= 1 ');
    assert.equal(settings.enableModelApi, false);
    assert.equal(settings.enableMetricsApi, false);
    assert.equal(origins.get('enableModelApi'), 'config.properties:1');
    assert.deepEqual(notes, [
      'config.properties:1: enable_model_api "yes" is neither true nor false; it counts as false',
      'config.properties:2: enable_metrics_api "1" is neither true nor false; it counts as false',
    ]);
  });

  test('has members of models that nothing reads noted', () => {
    const { settings, notes } = fromFile(
      'models={"m":{"1.0":{"minWorkers":1,"foo":2,"batchsize":8}},"n":{"2":{}}}',
    );
    assert.equal(settings.models.m?.['1.0']?.minWorkers, 1);
    assert.deepEqual(notes, [
      'config.properties:1: models.m.1.0.foo is not known and has no effect',
      'config.properties:1: models.m.1.0.batchsize is not known and has no effect; did you mean batchSize?',
    ]);
  });

  test('may hold commas in paths of models that are there', () => {
    const store = folderWith({ 'a,b.pt': '' });
    const { settings } = fromFile(`load_models=m=a,b.pt,c.pt\nmodel_store=${store}`);
    assert.deepEqual(settings.loadModels, ['m=a,b.pt', 'c.pt']);
  });
});

suite('flags', () => {
  test('go before the file', () => {
    const { settings, origins } = fromFile('batch_size=32\njob_queue_size=5', {
      flags: { batchSize: 4, freeze: undefined },
    });
    assert.equal(settings.batchSize, 4);
    assert.equal(origins.get('batchSize'), '--batch-size');
    assert.equal(settings.jobQueueSize, 5);
    assert.equal(origins.get('freeze'), 'default');
  });

  test('save from a wrong value in the file', () => {
    assert.equal(fromFile('batch_size=x', { flags: { batchSize: 4 } }).settings.batchSize, 4);
  });

  test('have their wrong values named', () => {
    assert.equal(
      refusalOf(() => resolveWith({ flags: { batchSize: 'many' } })),
      'Invalid configuration: --batch-size "many" must be integer',
    );
    assert.equal(
      refusalOf(() => resolveWith({ flags: { metricsAddress: 'x' } })),
      'Invalid configuration: --metrics-address: Invalid binding address: x',
    );
    assert.equal(
      refusalOf(() => resolveWith({ flags: { bachSize: 1 } })),
      'Invalid configuration: bachSize is not known here',
    );
  });

  test('must be true or false where they switch', () => {
    assert.equal(
      refusalOf(() => resolveWith({ flags: { enableModelApi: 'yes' } })),
      'Invalid configuration: --enable-model-api "yes" must be boolean',
    );
  });

  test('name models with commas', () => {
    const workingFolder = folderWith({ 'x,y.pt': '' });
    const flags = { loadModels: ['a,b', 'x,y.pt'] };
    const { settings, origins } = resolveWith({ workingFolder, flags });
    assert.deepEqual(settings.loadModels, ['a', 'b', 'x,y.pt']);
    assert.equal(origins.get('loadModels'), '--models');
  });
});

suite('the environment', () => {
  const environment = {
    TS_BATCH_SIZE: '7',
    TS_TOKEN_EXPIRATION_TIME_MIN: '5',
    TS_TOKEN_EXPIRATION_MIN: '6',
    TS_LOAD_MODELS: 'a,b',
    TS_MODELS: '{}',
    TS_MODEL_SNAPSHOT: 'x',
    TS_JOB_QUEUE_SIZE: '',
  };

  test('counts for nothing unless the file or a flag says so', () => {
    const { settings, notes } = resolveWith({ environment });
    assert.deepEqual(settings, parseSettings({}));
    assert.deepEqual(notes, []);
    const flags = { enableEnvvarsConfig: true };
    assert.equal(resolveWith({ environment, flags }).settings.batchSize, 7);
  });

  test('then goes before all else', () => {
    const { settings, origins, notes } = fromFile(
      `${on}batch_size=1\ndefault_workers_per_model=3`,
      {
        environment,
        flags: { batchSize: 2 },
      },
    );
    assert.deepEqual(settings, {
      ...parseSettings({ enableEnvvarsConfig: true }),
      batchSize: 7,
      tokenExpirationMin: 5,
      loadModels: ['a', 'b'],
      defaultWorkersPerModel: 3,
    });
    assert.equal(origins.get('batchSize'), 'environment TS_BATCH_SIZE');
    assert.deepEqual(notes, ['environment TS_JOB_QUEUE_SIZE has no value and sets nothing']);
  });

  test('has its wrong values named', () => {
    assert.equal(
      refusalOf(() => fromFile(on, { environment: { TS_INSTANCES: '1.5' } })),
      'Invalid configuration: environment TS_INSTANCES 1.5 must be integer',
    );
  });

  test('switches nothing on with a word that is neither true nor false', () => {
    const { settings, notes } = fromFile(`${on}enable_model_api=true`, {
      environment: { TS_ENABLE_MODEL_API: 'on' },
    });
    assert.equal(settings.enableModelApi, false);
    assert.deepEqual(notes, [
      'environment TS_ENABLE_MODEL_API "on" is neither true nor false; it counts as false',
    ]);
  });

  test('names allowed URLs only when that is allowed, too', () => {
    const urls = { TS_ALLOWED_URLS: 'https://a/.*' };
    const refused = fromFile(on, { environment: urls });
    assert.deepEqual(refused.settings.allowedUrls, []);
    assert.deepEqual(refused.notes, [
      'environment TS_ALLOWED_URLS has no effect unless use_env_allowed_urls is true',
    ]);
    const allowed = fromFile(`${on}use_env_allowed_urls=true`, { environment: urls });
    assert.deepEqual(allowed.settings.allowedUrls, ['https://a/.*']);
  });

  test('switches the Open Inference Protocol on at any time', () => {
    const name = 'TS_OPEN_INFERENCE_PROTOCOL';
    for (const text of ['', on]) {
      const { settings, origins } = fromFile(text, { environment: { [name]: 'OIP' } });
      assert.equal(settings.tsOpenInferenceProtocol, true);
      assert.equal(origins.get('tsOpenInferenceProtocol'), `environment ${name}`);
    }
    const other = fromFile('', { environment: { [name]: 'true' } });
    assert.equal(other.settings.tsOpenInferenceProtocol, false);
    const override = fromFile(on, { environment: { [name]: 'true' } });
    assert.equal(override.settings.tsOpenInferenceProtocol, true);
  });

  test('tells where logs are written, after the flag and before the file', () => {
    const locations = { LOG_LOCATION: '/l', METRICS_LOCATION: '/m' };
    const text = 'log_location=/f\nmetrics_location=/f';
    const { settings, origins } = fromFile(text, {
      environment: locations,
      flags: { metricsLocation: '/flag' },
    });
    assert.equal(settings.logLocation, '/l');
    assert.equal(origins.get('logLocation'), 'environment LOG_LOCATION');
    assert.equal(settings.metricsLocation, '/flag');
  });
});

test('any file gives settings, or an error that names it and the line', () => {
  const key = fc.constantFrom(...allSettings.map((setting) => setting.key));
  const value = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.boolean().map(String),
    fc.json(),
  );
  const line = fc.tuple(key, value).map(([name, text]) => `${name}=${text}`);
  const workingFolder = folderWith();
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
      writeFileSync(join(workingFolder, 'config.properties'), lines.join('\n'));
      try {
        const { notes } = resolveWith({ workingFolder });
        for (const note of notes) assert.match(note, /^config\.properties:\d+: /);
      } catch (error) {
        assert.ok(error instanceof SconceError, String(error));
        assert.match(error.message, /^Invalid configuration: config\.properties:\d+: /);
      }
    }),
    { numRuns: 500 },
  );
});

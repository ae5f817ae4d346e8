import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  keysWithoutEffect,
  type ModelConfig,
  misspeltKeys,
  modelConfigSchema,
  parseModelConfig,
  readModelConfig,
} from '../../src/config/model-config.js';
import { SconceError } from '../../src/errors.js';
import { dtypes } from '../../src/native/dtype.js';
import { refusalOf } from './refusal.js';

const file = 'dir/model-config.yaml';
const refusal = (text: string) => refusalOf(() => parseModelConfig(text, file));
const refusalFromArchive = (text: string) => refusalOf(() => readModelConfig(text, file));

suite('a configuration', () => {
  test('may hold everything', () => {
    const text = `
version: v2.0-rc_1
inputs:
  - name: features
    dtype: float32
    shape: [64, -1]
    form: joined
  - name: ids
    form: offsets
outputs:
  - name: prediction
batchSize: 8
jobQueueSize: 10
responseTimeout: 0.5
instances: 2
intraOpThreads: 3
handlerThreads: 2
handlerMemory: 64
handlerErrors: false
maxMemory: 64
weight: 2.5
device: cuda:1
freeze: false
warmUp: false
precision: bfloat16
cudaGraphs: always
cudaGraphMemory: 64
plan: 'off'
planTime: 1.5
tolerance: 0.02
runOnLoop: never
batchPolicy: legacy
autoscale: true
isolation: process
envelope: json
minWorkers: 1
maxWorkers: 4
maxBatchDelay: 0
startupTimeout: 60
deviceType: gpu
deviceIds: [0, 1]
maxRetryTimeoutInSec: 0
clientTimeoutInMills: 0
useJobTicket: true
parallelType: tp
parallelLevel: 2
torchrun:
  nproc-per-node: 2
useVenv: true
continuousBatching: true
sequenceBatching: true
asyncCommunication: true
sequenceMaxIdleMSec: 1
sequenceTimeoutMSec: 2
maxSequenceJobQueueSize: 3
maxNumSequence: 4
handler:
  profile: true
pt2: inductor
micro_batching:
  micro_batch_size: 4
deepspeed: {config: ds.json}
pippy: {}
tensor_parallel: null
vllm_engine_config: []
`;
    const config = parseModelConfig(text, 'x.yaml');
    assert.deepEqual(
      Object.keys(modelConfigSchema.properties).filter((key) => !Object.hasOwn(config, key)),
      [],
    );
    assert.deepEqual(config, {
      version: 'v2.0-rc_1',
      inputs: [
        { name: 'features', dtype: 'float32', shape: [64, -1], form: 'joined' },
        { name: 'ids', form: 'offsets' },
      ],
      outputs: [{ name: 'prediction' }],
      batchSize: 8,
      jobQueueSize: 10,
      responseTimeout: 0.5,
      instances: 2,
      intraOpThreads: 3,
      handlerThreads: 2,
      handlerMemory: 64,
      handlerErrors: false,
      maxMemory: 64,
      weight: 2.5,
      device: 'cuda:1',
      freeze: false,
      warmUp: false,
      precision: 'bfloat16',
      cudaGraphs: 'always',
      cudaGraphMemory: 64,
      plan: 'off',
      planTime: 1.5,
      tolerance: 0.02,
      runOnLoop: 'never',
      batchPolicy: 'legacy',
      autoscale: true,
      isolation: 'process',
      envelope: 'json',
      minWorkers: 1,
      maxWorkers: 4,
      maxBatchDelay: 0,
      startupTimeout: 60,
      deviceType: 'gpu',
      deviceIds: [0, 1],
      maxRetryTimeoutInSec: 0,
      clientTimeoutInMills: 0,
      useJobTicket: true,
      parallelType: 'tp',
      parallelLevel: 2,
      torchrun: { 'nproc-per-node': 2 },
      useVenv: true,
      continuousBatching: true,
      sequenceBatching: true,
      asyncCommunication: true,
      sequenceMaxIdleMSec: 1,
      sequenceTimeoutMSec: 2,
      maxSequenceJobQueueSize: 3,
      maxNumSequence: 4,
      handler: { profile: true },
      pt2: 'inductor',
      micro_batching: { micro_batch_size: 4 },
      deepspeed: { config: 'ds.json' },
      pippy: {},
      tensor_parallel: null,
      vllm_engine_config: [],
    });
  });

  test('may be empty', () => {
    for (const text of ['', '# nothing\n', '{}', '---\n']) {
      assert.deepEqual(parseModelConfig(text, 'x.yaml'), {});
    }
  });

  test('may hold keys of other handlers', () => {
    const config = parseModelConfig('handler:\n  top_k: 5\nbatchSize: 2\n', 'x.yaml');
    assert.equal(config.batchSize, 2);
  });

  for (const dtype of dtypes) {
    test(`may name the element type ${dtype}`, () => {
      const { inputs } = parseModelConfig(`inputs: [{name: x, dtype: ${dtype}}]`, 'x.yaml');
      assert.deepEqual(inputs, [{ name: 'x', dtype }]);
    });
  }
});

suite('what is wrong is named by file, line and key:', () => {
  const wrong: [string, string, string][] = [
    ['a number for a text', 'version: 1.0\n', ':1: version must be string'],
    ['a version that is no path segment', 'version: a/b\n', ':1: version must be letters, digits,'],
    ['too small a batch', 'x: 1\nbatchSize: 0\n', ':2: batchSize must be >= 1'],
    ['too large a batch', 'batchSize: 65537\n', ':1: batchSize must be <= 65536'],
    ['a fraction', '\n\nbatchSize: 1.5\n', ':3: batchSize must be integer'],
    ['an empty queue', 'jobQueueSize: 0\n', ':1: jobQueueSize must be >= 1'],
    ['no time', 'responseTimeout: 0\n', ':1: responseTimeout must be > 0'],
    ['a negative delay', 'maxBatchDelay: -1\n', ':1: maxBatchDelay must be >= 0'],
    ['no worker', 'minWorkers: 0\n', ':1: minWorkers must be >= 1'],
    ['an unknown type of device', 'deviceType: tpu\n', ':1: deviceType must be one of cpu, gpu'],
    ['a text among numbers', 'deviceIds: [0,\n x]\n', ':2: deviceIds.1 must be integer'],
    ['no instance', 'instances: 0\n', ':1: instances must be >= 1'],
    ['an unknown device', 'device: gpu\n', ':1: device must be auto, cpu, cuda or cuda:N'],
    ['a text for a boolean', 'freeze: 1\n', ':1: freeze must be boolean'],
    [
      'an unknown dtype',
      'inputs:\n  - name: x\n    dtype: float\n',
      ':3: inputs.0.dtype must be one of float32, float64, float16,',
    ],
    [
      'a field without a name',
      'inputs:\n  - dtype: float32\n',
      ':2: inputs.0 must have required properties name',
    ],
    [
      'an unknown key of a field',
      'inputs:\n  - name: x\n    type: y\n',
      ':3: inputs.0.type is not known here',
    ],
    [
      'a wrong dimension',
      'inputs:\n  - name: x\n    shape: [2,\n      -2]\n',
      ':4: inputs.0.shape.1 must be >= -1',
    ],
    ['no inputs', 'inputs: []\n', ':1: inputs must not have fewer than 1 items'],
    ['a list for the document', '- a\n', ':1: the document must be object'],
    ['a text for the document', 'hello\n', ':1: the document must be object'],
  ];
  for (const [what, text, message] of wrong) {
    test(what, () => {
      const given = refusal(text);
      assert.ok(given.startsWith(`dir/model-config.yaml${message}`), given);
    });
  }

  test('what is not YAML', () => {
    assert.match(
      refusal('inputs: [1, 2\nbatchSize: 3\n'),
      /^dir\/model-config\.yaml: .* at line \d/,
    );
    assert.match(
      refusal('a: 1\na: 2\n'),
      /^dir\/model-config\.yaml: Map keys must be unique at line 2/,
    );
  });

  test('an alias of itself', () => {
    assert.equal(
      refusal('handler: &a [*a]\n'),
      'dir/model-config.yaml: an alias stands inside what it refers to',
    );
  });

  test('a text that is too long, or too deeply nested', () => {
    assert.equal(
      refusal(`x: ${'a'.repeat(262_144)}`),
      'dir/model-config.yaml: is longer than 262144 characters',
    );
    assert.match(refusal(`x: ${'['.repeat(5000)}`), /^dir\/model-config\.yaml: .+/);
  });

  test('aliases without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i += 1) {
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    }
    assert.match(refusal(lines.join('\n')), /^dir\/model-config\.yaml: .*alias/i);
  });
});

suite('the configuration in an archive', () => {
  const read = (text: string) => readModelConfig(text, file);

  test('is read as in a folder when nothing is wrong', () => {
    const text = 'minWorkers: 1\nmaxWorkers: 2\nversion: v1\nresponseTimeout: 1.5\nextra: {}\n';
    assert.deepEqual(read(text), { config: parseModelConfig(text, file), notes: [] });
    for (const empty of ['', '# nothing\n', '{}', '---\n']) {
      assert.deepEqual(read(empty), { config: {}, notes: [] });
    }
  });

  test('has wrong values of the keys of TorchServe passed over, with a note', () => {
    const text = `minWorkers: two
maxWorkers: -1
batchSize: "8"
maxBatchDelay: -5
responseTimeout: 0
startupTimeout: -1
jobQueueSize: 1.5
deviceType: tpu
deviceIds:
  - 0
  - "1"
useJobTicket: 1
torchrun: 3
version: v1
`;
    assert.deepEqual(read(text), {
      config: { version: 'v1' },
      notes: [
        `${file}:1: minWorkers must be integer; it is passed over`,
        `${file}:2: maxWorkers must be >= 1; it is passed over`,
        `${file}:3: batchSize must be integer; it is passed over`,
        `${file}:4: maxBatchDelay must be >= 0; it is passed over`,
        `${file}:5: responseTimeout must be > 0; it is passed over`,
        `${file}:6: startupTimeout must be > 0; it is passed over`,
        `${file}:7: jobQueueSize must be integer; it is passed over`,
        `${file}:8: deviceType must be one of cpu, gpu; it is passed over`,
        `${file}:11: deviceIds.1 must be integer; it is passed over`,
        `${file}:12: useJobTicket must be boolean; it is passed over`,
        `${file}:13: torchrun must be object; it is passed over`,
      ],
    });
  });

  test('has at least one row and one worker, as with TorchServe', () => {
    assert.deepEqual(read('batchSize: 0\nminWorkers: -3\nmaxWorkers: 2\n'), {
      config: { batchSize: 1, minWorkers: 1, maxWorkers: 2 },
      notes: [],
    });
  });

  test('has keys without a value as if they were not there', () => {
    assert.deepEqual(read('batchSize:\nminWorkers: ~\n'), { config: {}, notes: [] });
  });

  test('honours a delay of 0', () => {
    assert.deepEqual(read('maxBatchDelay: 0'), { config: { maxBatchDelay: 0 }, notes: [] });
  });

  test('takes y and n for text, as the YAML of Python does', () => {
    const { config } = read('handler:\n  labels: [x, y, n, Y, N]\n  topk: 2\nuseJobTicket: on\n');
    assert.deepEqual(config.handler, { labels: ['x', 'y', 'n', 'Y', 'N'], topk: 2 });
    assert.equal(config.useJobTicket, true);
  });

  test('is YAML 1.1, where the last of repeated keys counts', () => {
    assert.deepEqual(read('useJobTicket: yes\nbatchSize: 2\nbatchSize: 4\n'), {
      config: { useJobTicket: true, batchSize: 4 },
      notes: [],
    });
  });

  test('has keys without effect noted, unless they are off', () => {
    const text = 'a: 1\ntorchrun: {}\nuseVenv: true\nparallelLevel: 0\nsequenceBatching: false\n';
    const { config, notes } = read(`${text}continuousBatching: true\nsequenceMaxIdleMSec: 5\n`);
    assert.deepEqual(notes, [
      `${file}:2: torchrun has no effect: a Python worker is one process`,
      `${file}:6: continuousBatching has no effect: replies are not streamed yet`,
      `${file}:7: sequenceMaxIdleMSec has no effect: sequences of requests are not served yet`,
    ]);
    assert.deepEqual(
      keysWithoutEffect(config).map(({ key }) => key),
      ['torchrun', 'continuousBatching', 'sequenceMaxIdleMSec'],
    );
  });

  test('has wrong values of our keys refused', () => {
    const start = `${file}:2: `;
    assert.equal(
      refusalFromArchive('batchSize: x\ndevice: gpu\n'),
      `${start}device must be auto, cpu, cuda or cuda:N`,
    );
    assert.equal(refusalFromArchive('#\nversion: 2\n'), `${start}version must be string`);
    assert.equal(refusalFromArchive('- a\n'), `${file}:1: the document must be object`);
    assert.match(refusalFromArchive('a: [1\n'), /^dir\/model-config\.yaml: .* at line \d/);
  });
});

suite('any text', () => {
  const key = fc.constantFrom(...Object.keys(modelConfigSchema.properties), '__proto__', 'x');
  const value = fc.oneof(
    fc.json(),
    fc.constantFrom(
      'yes',
      '~',
      '2001-12-14',
      '!!set {a}',
      '!!binary eA==',
      '&a [*a]',
      '0o17',
      '1:30',
    ),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[ab:\-[\]{}&*!|>'"%@#\n ,?]*$/),
    fc
      .array(fc.tuple(key, value).map(([name, given]) => `${name}: ${given}`))
      .map((lines) => lines.join('\n')),
  );
  const readers: [string, (yaml: string) => ModelConfig][] = [
    ['of a folder', (yaml) => parseModelConfig(yaml, 'f.yaml')],
    ['of an archive', (yaml) => readModelConfig(yaml, 'f.yaml').config],
  ];
  for (const [where, parse] of readers) {
    test(`${where} is a configuration, or refused with the file`, () => {
      fc.assert(
        fc.property(text, (yaml) => {
          try {
            assert.equal(typeof parse(yaml), 'object');
          } catch (error) {
            assert.ok(error instanceof SconceError, String(error));
            assert.match(error.message, /^f\.yaml(:\d+)?: /);
          }
        }),
        { numRuns: 1000 },
      );
    });
  }
});

test('a key that is nearly one of ours counts as misspelt, a foreign one does not', () => {
  const config = parseModelConfig(
    'batchSiz: 4\nwarmup: false\nhandler: {}\ninputs: [{name: x}]',
    'm',
  );
  assert.deepEqual(misspeltKeys(config), [
    { key: 'batchSiz', meant: 'batchSize' },
    { key: 'warmup', meant: 'warmUp' },
  ]);
});

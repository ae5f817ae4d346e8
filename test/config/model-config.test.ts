import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { misspeltKeys, parseModelConfig } from '../../src/config/model-config.js';
import { SconceError } from '../../src/errors.js';
import { dtypes } from '../../src/native/dtype.js';

function refusal(text: string): string {
  try {
    parseModelConfig(text, 'dir/model-config.yaml');
  } catch (error) {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    return error.message;
  }
  return assert.fail(`accepted: ${text}`);
}

suite('a configuration', () => {
  test('may hold everything', () => {
    const text = `
version: v2.0-rc_1
inputs:
  - name: features
    dtype: float32
    shape: [64, -1]
  - name: ids
outputs:
  - name: prediction
batchSize: 8
jobQueueSize: 10
responseTimeout: 0.5
instances: 2
intraOpThreads: 3
device: cuda:1
freeze: false
warmUp: false
`;
    assert.deepEqual(parseModelConfig(text, 'x.yaml'), {
      version: 'v2.0-rc_1',
      inputs: [{ name: 'features', dtype: 'float32', shape: [64, -1] }, { name: 'ids' }],
      outputs: [{ name: 'prediction' }],
      batchSize: 8,
      jobQueueSize: 10,
      responseTimeout: 0.5,
      instances: 2,
      intraOpThreads: 3,
      device: 'cuda:1',
      freeze: false,
      warmUp: false,
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

  test('aliases without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i += 1) {
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    }
    assert.match(refusal(lines.join('\n')), /^dir\/model-config\.yaml: .*alias/i);
  });
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

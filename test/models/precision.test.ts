import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirePrecision } from '../../src/models/precision.js';
import { versionOptions } from '../../src/models/version-options.js';
import { source, testSettings } from '../support/server.js';

test('tf32 is for models on GPUs', () => {
  requirePrecision('tf32', ['cuda:0', 'cuda:1']);
  assert.throws(() => requirePrecision('tf32', ['cpu']), {
    code: 'INVALID_CONFIGURATION',
    message: /precision tf32 is for models on a GPU, .* use float32 or bfloat16$/,
  });
});

test('a model on the CPU is refused with tf32, and one that Python runs is not asked', () => {
  const model = source('double', { config: { precision: 'tf32' } });
  const options = (inProcesses: boolean) =>
    versionOptions(model, {}, testSettings(), true, inProcesses);
  assert.throws(() => options(false), { code: 'INVALID_CONFIGURATION' });
  assert.equal(options(true).precision, 'tf32');
});

test('the other precisions are for models anywhere', () => {
  for (const precision of ['float32', 'bfloat16', 'float16'] as const) {
    requirePrecision(precision, ['cpu']);
    requirePrecision(precision, ['cuda:0']);
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allDescription,
  inferenceDescription,
  managementDescription,
  metricsDescription,
  modelDescriptionDocument,
  modelManagementDescription,
} from '../../../src/http/openapi/descriptions.js';
import { readRecording } from '../../compat/recordings.js';

const version = '0.12.0';

describe('descriptions of the APIs', () => {
  for (const [scenario, name, description] of [
    ['descriptions', 'inference', inferenceDescription(version)],
    ['descriptions', 'management', managementDescription(version)],
    ['descriptions', 'metrics', metricsDescription(version)],
    ['one-address', 'description', allDescription(version)],
    ['descriptions', 'model', modelDescriptionDocument('echo')],
    ['descriptions', 'model management', modelManagementDescription('echo', version)],
  ] as const) {
    it(`are TorchServe's to the byte: ${scenario}, ${name}`, () => {
      const lines = readRecording(scenario).get(name)?.body ?? [];
      assert.equal(`${JSON.stringify(description, null, 2)}\n`, lines.join('\n'));
    });
  }

  it('name the version and the model that they are asked for', () => {
    assert.equal(inferenceDescription('1.2.3').info.version, '1.2.3');
    assert.deepEqual(modelManagementDescription('m', '1.2.3').info, {
      title: 'RESTful Management API for: m',
      version: '1.2.3',
    });
    assert.deepEqual(Object.keys(modelDescriptionDocument('__proto__').paths), [
      '/prediction/__proto__',
      '/v1/models/{model_name}:predict',
      '/v2/models/{model_name}/infer',
    ]);
  });
});

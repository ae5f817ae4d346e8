import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseManifest } from '../../src/archive/manifest.js';
import { SconceError } from '../../src/errors.js';
import { manifestText } from './archives.js';

function refusal(text: string): { message: string; reason: string | undefined } {
  try {
    parseManifest(text);
  } catch (error) {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_ARCHIVE');
    return { message: error.message, reason: error.reason };
  }
  return assert.fail('it was accepted');
}

test('reads what torch-model-archiver writes', () => {
  assert.deepEqual(parseManifest(manifestText), JSON.parse(manifestText));
});

test('keeps members that it does not know', () => {
  const text = '{"a":1,"model":{"modelName":"m","modelVersion":"1","b":{"c":[2]}}}';
  assert.deepEqual(parseManifest(text), {
    a: 1,
    runtime: 'python',
    model: { modelName: 'm', modelVersion: '1', b: { c: [2] } },
  });
});

test('gives absent members their defaults, and takes null and empty ones for absent', () => {
  const expected = { runtime: 'python', model: { modelVersion: '1.0' } };
  assert.deepEqual(parseManifest('{"model":{}}'), expected);
  assert.deepEqual(
    parseManifest(
      '{"createdOn":null,"model":{"modelName":"","modelVersion":null,"configFile":""}}',
    ),
    expected,
  );
});

test('takes a byte order mark for nothing', () => {
  assert.equal(parseManifest(`\uFEFF${manifestText}`).model.modelName, 'densenet161');
});

for (const runtime of ['python', 'python3', 'LSP']) {
  test(`knows the runtime ${runtime}`, () => {
    assert.equal(parseManifest(JSON.stringify({ runtime, model: {} })).runtime, runtime);
  });
}

for (const runtime of ['"Python"', '"python2"', '""', 'null', '3', '["python"]']) {
  test(`refuses the runtime ${runtime}`, () => {
    assert.equal(
      refusal(`{"runtime":${runtime},"model":{}}`).message,
      'Runtime is not defined or invalid.',
    );
  });
}

for (const text of ['{}', '{"model":null}', '{"runtime":"?","model":null}']) {
  test(`misses the model in ${text}`, () => {
    assert.equal(refusal(text).message, 'Missing Model entry in manifest file.');
  });
}

test('refuses an empty version', () => {
  assert.equal(refusal('{"model":{"modelVersion":""}}').message, 'Model version is not defined.');
});

for (const [text, reason] of [
  ['', 'Unexpected end of JSON input'],
  ['[]', 'the manifest must be an object'],
  ['null', 'the manifest must be an object'],
  ['{"model":[]}', 'model must be object'],
  ['{"model":"m"}', 'model must be object'],
  ['{"model":{"modelName":1}}', 'model.modelName must be string'],
  ['{"model":{"modelVersion":1.0}}', 'model.modelVersion must be string'],
  ['{"createdOn":5,"model":{}}', 'createdOn must be string'],
] as const) {
  test(`cannot parse ${JSON.stringify(text)}, and says why`, () => {
    assert.deepEqual(refusal(text), { message: 'Failed to parse signature.json.', reason });
  });
}

for (const file of ['../model.pt', '/etc/passwd', 'a\\b', 'a//b', 'C:x']) {
  for (const member of ['serializedFile', 'modelFile', 'requirementsFile', 'configFile']) {
    test(`refuses the ${member} ${file}`, () => {
      const { message } = refusal(JSON.stringify({ model: { [member]: file } }));
      assert.ok(message.startsWith(`The manifest's ${member} "`), message);
    });
  }
}

test('accepts files in folders', () => {
  const { model } = parseManifest('{"model":{"serializedFile":"./weights/model.pt"}}');
  assert.equal(model.serializedFile, './weights/model.pt');
});

test('no prototype comes from a manifest', () => {
  const manifest = parseManifest('{"__proto__":{"x":1},"model":{"__proto__":{"handler":"h"}}}');
  assert.equal(manifest.model.handler, undefined);
  assert.equal('x' in manifest, false);
});

test('whatever the JSON is, the outcome is a manifest or INVALID_ARCHIVE', () => {
  const member = fc.oneof(fc.json(), fc.constantFrom('"python"', '{}', 'null', '""'));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('model', 'runtime', 'a'), member)), (members) => {
      const text = `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
      try {
        assert.equal(typeof parseManifest(text).model.modelVersion, 'string');
      } catch (error) {
        assert.ok(error instanceof SconceError && error.code === 'INVALID_ARCHIVE', `${error}`);
      }
    }),
  );
});

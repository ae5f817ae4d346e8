import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { SconceError } from '../../../src/errors.js';
import type { OpenedEnvelope } from '../../../src/handlers/envelopes/envelope.js';
import { envelopeOf } from '../../../src/handlers/envelopes/envelopes.js';
import type { HandlerRequest } from '../../../src/handlers/handler.js';
import { root } from '../../support/paths.js';
import { handlerRequest } from '../../support/request.js';

const caseSchema = Type.Object({
  envelope: Type.String(),
  body: Type.Unknown(),
  explain: Type.Boolean(),
  given: Type.Array(Type.Unknown()),
  results: Type.Array(Type.String()),
  reply: Type.String(),
});

const expected: Static<typeof caseSchema>[] = Value.Parse(
  Type.Array(caseSchema),
  JSON.parse(readFileSync(join(root, 'test/handlers/envelopes/expected.json'), 'utf8')),
);

const model = { modelName: 'mnist', modelVersion: '1.0' };

function open(name: string, body: string, given: Partial<HandlerRequest> = {}): OpenedEnvelope {
  const envelope = envelopeOf(name);
  assert.ok(envelope !== undefined);
  return envelope.open(handlerRequest(body, { id: 'request-1', ...given }), model);
}

/** What a handler of TorchServe would be given for a request. */
function asGiven({ body, contentType, parameters }: HandlerRequest): unknown {
  if (parameters === undefined) return decoded(body, contentType);
  return Object.fromEntries(
    parameters.map(({ name, value, contentType: type }) => [name, decoded(value, type)]),
  );
}

function decoded(bytes: Uint8Array, contentType: string | undefined): unknown {
  const buffer = Buffer.from(bytes);
  if (contentType === 'application/json') return JSON.parse(buffer.toString());
  if (contentType === 'text/plain') return buffer.toString();
  return { __bytes__: buffer.toString('base64') };
}

suite('envelopes do as those of TorchServe', () => {
  for (const [i, { envelope, body, explain, given, results, reply }] of expected.entries()) {
    test(`${envelope}, case ${i}`, () => {
      const opened = open(envelope, JSON.stringify(body), { explain });
      assert.deepEqual(opened.requests.map(asGiven), given);
      assert.equal(opened.format(results), reply);
    });
  }

  test('whatever the layout of the body', () => {
    for (const [i, { envelope, body, given }] of expected.entries()) {
      const laidOut = `\ufeff\n ${JSON.stringify(body, null, '\t \r\n')} \n`;
      assert.deepEqual(open(envelope, laidOut).requests.map(asGiven), given, `case ${i}`);
    }
  });

  test('also when the body is a field of a form', () => {
    const value = Buffer.from('{"instances": [[1]]}');
    for (const name of ['data', 'body']) {
      const parameters = [{ name, value, contentType: undefined }];
      const opened = open('kserve', '', { parameters });
      assert.deepEqual(opened.requests.map(asGiven), [[1]]);
    }
  });
});

suite('an envelope', () => {
  test('keeps headers, path and id of its request', () => {
    const [first] = open('kserve', '{"instances": [1]}', {
      rawHeaders: ['A', 'b'],
      urlPath: 'x/y',
      id: 'mine',
    }).requests;
    assert.deepEqual(first?.rawHeaders, ['A', 'b']);
    assert.deepEqual([first?.urlPath, first?.id], ['x/y', 'mine']);
  });

  test('keeps every digit of a number', () => {
    const [first] = open('json', '{"instances": [[9007199254740993, 1e400]]}').requests;
    assert.equal(Buffer.from(first?.body ?? []).toString(), '[9007199254740993, 1e400]');
    const inputs =
      '[{"name": "a", "shape": [1, 2], "datatype": "INT64", "data": [9007199254740993, 1]}]';
    const [tensor] = open('kservev2', `{"inputs": ${inputs}}`).requests;
    assert.equal(Buffer.from(tensor?.body ?? []).toString(), '[[9007199254740993,1]]');
  });

  test('of no name, and `body`, change nothing', () => {
    assert.equal(envelopeOf(undefined), undefined);
    assert.equal(envelopeOf('body'), undefined);
  });

  test('of an unknown name is refused, with those that there are', () => {
    assert.throws(() => envelopeOf('kservev3'), {
      code: 'INVALID_CONFIGURATION',
      message: 'envelope "kservev3" is not known; there are body, json, kserve, kservev2',
    });
    assert.throws(() => envelopeOf(''), { code: 'INVALID_CONFIGURATION' });
    assert.throws(() => envelopeOf('toString'), { code: 'INVALID_CONFIGURATION' });
  });
});

const input = '"name": "a", "shape": [1], "datatype": "INT64", "data": [1]';

suite('a malformed envelope is refused, with the member', () => {
  for (const [envelope, body, message] of [
    ['kserve', '', 'the body is empty; expected JSON'],
    ['kserve', '[1]', 'the body: expected an object, found an array'],
    ['kserve', '{}', '"instances" is missing; the body has no member'],
    ['kserve', '{"inputs": [1]}', '"instances" is missing; the body has "inputs"'],
    ['json', '{"instances": {}}', 'instances: expected an array, found an object'],
    ['json', '{"instances": []}', 'instances: expected at least one element, found none'],
    [
      'json',
      '{"instances": [1, {"b64": 5}]}',
      'instances[1].b64: expected base64 text, found something else',
    ],
    [
      'json',
      '{"instances": [{"x": {"b64": "*"}}]}',
      'instances[0].x.b64: expected base64 text, found something else',
    ],
    [
      'kserve',
      '{"instances": [1',
      'the body is not valid JSON at byte 16: expected "]" or "}", found the end of the body',
    ],
    [
      'kserve',
      '{"instances": [1]} x',
      'the body is not valid JSON at byte 19: expected the end of the body, found "x"',
    ],
    [
      'kserve',
      '{"instances": [1 2]}',
      'the body is not valid JSON at byte 17: expected "," or "]", found "2"',
    ],
    [
      'kserve',
      '{instances: [1]}',
      'the body is not valid JSON at byte 1: expected a name in quotes, found "i"',
    ],
    [
      'kserve',
      '{"instances" [1]}',
      'the body is not valid JSON at byte 13: expected ":", found "["',
    ],
    [
      'kserve',
      '{"instances": }',
      'the body is not valid JSON at byte 14: expected a value, found "}"',
    ],
    [
      'kserve',
      '{"instances": [1,]}',
      'the body is not valid JSON at byte 17: expected a value, found "]"',
    ],
    [
      'kserve',
      '{"instances": [{"data": "\\q"}]}',
      'the body is not valid JSON at byte 24: expected a value, found "\\""',
    ],
    ['kservev2', '{"inputs": [1]}', 'inputs[0]: expected an object, found a number'],
    ['kservev2', '{"inputs": [{}]}', '"name" is missing; inputs[0] has no member'],
    ['kservev2', `{"id": 5, "inputs": [{${input}}]}`, 'id: expected text, found a number'],
    [
      'kservev2',
      `{"inputs": [{${input}, "name": 1}]}`,
      'inputs[0].name: expected text, found a number',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "shape": [2]}]}`,
      'inputs[0].data: expected 2 elements for the shape [2], found 1',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "shape": [-1]}]}`,
      'inputs[0].shape: expected an array of whole numbers, found [-1]',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "shape": 3}]}`,
      'inputs[0].shape: expected an array of whole numbers, found 3',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "data": 3}]}`,
      'inputs[0].data: expected an array, found a number',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "data": ["1"]}]}`,
      'inputs[0].data: expected INT64, found text',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "datatype": "BYTES"}]}`,
      'inputs[0].data: expected an array of text, found a number',
    ],
    [
      'kservev2',
      `{"inputs": [{${input}, "datatype": "float"}]}`,
      'inputs[0].datatype: expected one of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, BYTES, found "float"',
    ],
  ] as const) {
    test(`${envelope}: ${body}`, () => {
      assert.throws(() => open(envelope, body), { code: 'INVALID_REQUEST', message });
    });
  }
});

suite('any body', () => {
  const names = fc.constantFrom('json', 'kserve', 'kservev2');

  test('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1 }),
        fc.constantFrom('', ' ', '\n\t'),
        (instances, space) => {
          const body = JSON.stringify({ other: instances, instances }, null, space);
          const given = open('kserve', body).requests.map(({ body: bytes }) =>
            JSON.parse(Buffer.from(bytes).toString()),
          );
          assert.deepEqual(given, JSON.parse(JSON.stringify(instances)));
        },
      ),
    );
  });

  test('is opened, or refused as a wrong request', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', '"', '\\', ',', ':', ' ', '1', '-', 'x', 'null', '\ufeff', 'é'],
      ...['"instances"', '"inputs"', '"b64"', '"data"', '"name":"a"', '"shape":[1]'],
      '"datatype":"INT64"',
    );
    const tokens = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    const body = fc.oneof(
      tokens,
      tokens.map((text) => `{"instances":[${text}]}`),
      fc.string(),
    );
    fc.assert(
      fc.property(names, body, (name, text) => {
        try {
          assert.ok(open(name, text).requests.length > 0);
        } catch (error) {
          assert.ok(error instanceof SconceError, String(error));
          assert.equal(error.code, 'INVALID_REQUEST');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('nested deeper than any stack is refused or passed on', () => {
    const deep = '['.repeat(1_000_000);
    assert.throws(() => open('kserve', `{"instances": [${deep}]}`), { code: 'INVALID_REQUEST' });
    const [only] = open('kserve', `{"instances": [${deep}${']'.repeat(1_000_000)}]}`).requests;
    assert.equal(only?.body.byteLength, 2_000_000);
  });
});

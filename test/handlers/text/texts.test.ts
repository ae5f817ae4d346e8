import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SconceError } from '../../../src/errors.js';
import { readTexts, replyInForm } from '../../../src/handlers/text/texts.js';
import { localRequest } from '../local-context.js';

const limits = { maxTexts: 8, maxCharacters: 20 };
const types = fc.constantFrom(undefined, 'application/json', 'text/plain', 'image/png', '');

test('any body gives texts within the limits, or a mistake of the request', () => {
  const body = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.string()).map((texts) => JSON.stringify(texts)),
    fc.record({ inputs: fc.array(fc.string()) }).map((object) => JSON.stringify(object)),
  );
  fc.assert(
    fc.property(body, types, (text, contentType) => {
      const request = localRequest(text, { contentType });
      try {
        const { texts } = readTexts(request, limits);
        assert.ok(texts.length >= 1 && texts.length <= limits.maxTexts);
        assert.ok(texts.every((each) => each.length <= limits.maxCharacters));
      } catch (error) {
        assert.ok(error instanceof SconceError, String(error));
        assert.equal(error.code, 'INVALID_REQUEST');
      }
    }),
  );
});

test('any bytes that are no UTF-8 are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), types, (bytes, contentType) => {
      const broken = Uint8Array.of(...bytes, 0xff);
      assert.throws(() => readTexts(localRequest(broken, { contentType }), limits), {
        code: 'INVALID_REQUEST',
      });
    }),
  );
});

test('answers take the form of the request', () => {
  for (const [body, wanted] of [
    ['"a"', { of: 'a' }],
    ['["a"]', [{ of: 'a' }]],
    ['{"texts": ["a", "b"]}', [{ of: 'a' }, { of: 'b' }]],
    ['{"instances": ["a"]}', { predictions: [{ of: 'a' }] }],
  ] as const) {
    const request = localRequest(body, { contentType: 'application/json' });
    const { texts } = readTexts(request, limits);
    const answers = texts.map((of) => ({ of }));
    assert.deepEqual(replyInForm(request, answers), wanted);
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { basicEnglish, cleanWords, ngrams } from '../../../src/handlers/text/cleaning.js';
import { tokenizerFixtures } from '../../support/paths.js';

const words = Type.Array(Type.String());
const cases = Value.Parse(
  Type.Array(Type.Object({ text: Type.String(), words, ngrams: words, basicEnglish: words })),
  JSON.parse(readFileSync(join(tokenizerFixtures, 'cleaning.json'), 'utf8')),
);

suite("texts are cleaned as by TorchServe's text_classifier", () => {
  for (const known of cases) {
    test(JSON.stringify(known.text).slice(0, 60), () => {
      const cleaned = cleanWords(known.text);
      assert.deepEqual(cleaned, known.words);
      assert.deepEqual(ngrams(cleaned, 2), known.ngrams);
      assert.deepEqual(basicEnglish(known.text), known.basicEnglish);
    });
  }
});

test('markup is removed as by the regular expression of TorchServe', () => {
  const pattern = /<[^\n]*?>|&(?:[a-z0-9]+|#[0-9]{1,6}|#x[0-9a-f]{1,6});/g;
  const letters = fc.constantFrom('<', '>', '&', ';', '#', 'x', '1', 'b', '\n', ' ');
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 60 }), (text) => {
      assert.deepEqual(
        cleanWords(text),
        cleanWords(text.replace(pattern, '').replace(/[<>&]/g, '')),
      );
    }),
  );
});

test('a text of opening brackets takes no time in the square of its length', () => {
  assert.deepEqual(cleanWords('<'.repeat(5_000_000)), []);
});

test('runs of words come after the words, shorter runs first', () => {
  assert.deepEqual(ngrams(['a', 'b', 'c'], 3), ['a', 'b', 'c', 'a b', 'b c', 'a b c']);
  assert.deepEqual(ngrams([], 2), []);
});

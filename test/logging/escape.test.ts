import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { escapeControls, escapeJson, escapeQuoted } from '../../src/logging/escape.js';

/** Everything that some viewer of logs takes for the end of a line or for a command. */
const unsafe = /[\p{Cc}\u2028\u2029]/u;

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\n', '\r', '\t', '\u0000', '\u001b', '\u007f', '\u0085', '\u2028', '\u2029'),
    fc.constantFrom('"', '\\', 'n', 'u', ' ', '\ud800'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});

suite('escapeControls()', () => {
  test('leaves other text as it is', () => {
    const text = 'GET /a?b=c "quoted" back\\slash é 模型 🔥';
    assert.equal(escapeControls(text), text);
  });

  test('writes control characters and line separators as escapes', () => {
    assert.equal(
      escapeControls('a\nb\rc\td\u0000e\u001b[31mf\u007fg\u0085h\u009bi\u2028j\u2029'),
      'a\\nb\\rc\\td\\u0000e\\u001b[31mf\\u007fg\\u0085h\\u009bi\\u2028j\\u2029',
    );
  });

  test('lets nothing through that ends a line', () => {
    fc.assert(fc.property(hostile, (text) => !unsafe.test(escapeControls(text))));
  });
});

suite('escapeQuoted()', () => {
  test('lets no text end its quotes, or stand for another text', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const quoted = `"${escapeQuoted(text)}"`;
        assert.doesNotMatch(quoted, unsafe);
        assert.equal(JSON.parse(quoted), text);
      }),
    );
  });
});

suite('escapeJson()', () => {
  test('keeps one line and what it says', () => {
    fc.assert(
      fc.property(hostile, hostile, (key, value) => {
        const line = escapeJson(`${JSON.stringify({ [key]: value })}\n`);
        assert.doesNotMatch(line.slice(0, -1), unsafe);
        assert.equal(line.at(-1), '\n');
        assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify({ [key]: value })));
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { TextTokenizer } from '../../../src/handlers/text/text-tokenizer.js';
import { tokenizerFixtures } from '../../support/paths.js';
import { temporaryFolder } from './text-folder.js';

const numbers = Type.Array(Type.Integer());
const expected = Value.Parse(
  Type.Record(
    Type.String(),
    Type.Array(
      Type.Object({
        text: Type.String(),
        ids: numbers,
        typeIds: numbers,
        truncated: numbers,
      }),
    ),
  ),
  JSON.parse(readFileSync(join(tokenizerFixtures, 'expected.json'), 'utf8')),
);

for (const [name, cases] of Object.entries(expected)) {
  suite(`${name} gives the ids of the Python package`, async () => {
    const folder = join(tokenizerFixtures, name);
    const whole = await TextTokenizer.load(folder, { maxLength: 10_000 });
    const short = await TextTokenizer.load(folder, { maxLength: 8 });
    for (const known of cases) {
      test(JSON.stringify(known.text).slice(0, 60), () => {
        const encoded = whole.encode(known.text);
        assert.deepEqual(encoded.ids, known.ids);
        assert.equal(encoded.tokens.length, known.ids.length);
        assert.deepEqual(encoded.typeIds, known.typeIds);
        assert.deepEqual(short.encode(known.text).ids, known.truncated);
      });
    }
  });
}

function tokenizerJson(name: string): Record<string, unknown> {
  const path = join(tokenizerFixtures, name, 'tokenizer.json');
  return Value.Parse(
    Type.Record(Type.String(), Type.Unknown()),
    JSON.parse(readFileSync(path, 'utf8')),
  );
}

/** Loads the word-piece tokenizer with some of its keys replaced. */
async function changed(keys: Record<string, unknown>, config?: object): Promise<TextTokenizer> {
  const files = { 'tokenizer.json': { ...tokenizerJson('word-piece-uncased'), ...keys } };
  const folder = temporaryFolder(config ? { ...files, 'tokenizer_config.json': config } : files);
  return TextTokenizer.load(folder);
}

const invalid = (message: RegExp) => ({ code: 'INVALID_CONFIGURATION', message });

suite('a tokenizer that cannot be used is refused when it is loaded', () => {
  for (const [what, preTokenizer, message] of [
    ['a split that is merged', splitOf('MergedWithPrevious'), /Split with the behavior Merged/],
    ['a contiguous split', splitOf('Contiguous'), /Split with the behavior Contiguous/],
    ['an unknown kind', { type: 'UnicodeScripts' }, /UnicodeScripts/],
    ['an expression with \\G', splitOf('Isolated', '\\G\\w+'), /tokenizer\.json: .*\\G/],
    ['an expression that is none', splitOf('Isolated', '[a'), /tokenizer\.json: /],
    ['a POSIX class nobody knows', splitOf('Isolated', '[[:nonsense:]]'), /tokenizer\.json: /],
  ] as const) {
    test(what, async () => {
      await assert.rejects(changed({ pre_tokenizer: preTokenizer }), invalid(message));
    });
  }

  test('a file that is missing, no JSON, or no object', async () => {
    await assert.rejects(TextTokenizer.load(temporaryFolder({})), invalid(/no such file/));
    const text = temporaryFolder({ 'tokenizer.json': '{' });
    await assert.rejects(TextTokenizer.load(text), invalid(/^tokenizer\.json: /));
    const list = temporaryFolder({ 'tokenizer.json': [] });
    await assert.rejects(TextTokenizer.load(list), invalid(/^tokenizer\.json: /));
  });

  test('a file without a model', async () => {
    await assert.rejects(changed({ model: null }), invalid(/^tokenizer\.json: /));
    await assert.rejects(changed({ model: { type: 'Nonsense' } }), invalid(/^tokenizer\.json: /));
  });

  test('a length that the special tokens fill', async () => {
    const folder = join(tokenizerFixtures, 'word-piece-uncased');
    await assert.rejects(
      TextTokenizer.load(folder, { maxLength: 2 }),
      invalid(/handler\.maxLength: 2 tokens leave no room beside the 2 special ones/),
    );
  });
});

function splitOf(behavior: string, regex = '\\s+'): object {
  return { type: 'Split', pattern: { Regex: regex }, behavior, invert: false };
}

suite('what the files say of length and padding holds', () => {
  test('the truncation of tokenizer.json goes before the length of its configuration', async () => {
    const truncation = { max_length: 5, strategy: 'LongestFirst', stride: 0, direction: 'Right' };
    assert.equal((await changed({ truncation }, { model_max_length: 9 })).maxLength, 5);
    assert.equal((await changed({}, { model_max_length: 9 })).maxLength, 9);
    assert.equal((await changed({}, { model_max_length: 1e30 })).maxLength, 512);
    assert.equal((await changed({})).maxLength, 512);
  });

  test('truncation on the left keeps the end', async () => {
    const truncation = { max_length: 5, strategy: 'LongestFirst', stride: 0, direction: 'Left' };
    const { tokens } = (await changed({ truncation })).encode('a b c d e');
    assert.deepEqual(tokens, ['[CLS]', 'c', 'd', 'e', '[SEP]']);
  });

  test('the padding is that of the file, of its configuration, or a well-known token', async () => {
    assert.equal((await changed({ padding: { pad_id: 7 } })).padId, 7);
    assert.equal((await changed({}, { pad_token: '[SEP]' })).padId, 3);
    assert.equal((await changed({}, { pad_token: { content: '[CLS]' } })).padId, 2);
    assert.equal((await changed({})).padId, 0);
  });
});

test('a very long text is cut, and takes no time in the square of its length', async () => {
  for (const name of Object.keys(expected)) {
    const tokenizer = await TextTokenizer.load(join(tokenizerFixtures, name), { maxLength: 64 });
    for (const text of ['a'.repeat(100_000), 'ab '.repeat(30_000), ' '.repeat(100_000)]) {
      assert.ok(tokenizer.encode(text).ids.length <= 64);
    }
  }
});

test('a word that the library cannot hold is a mistake of the request', async () => {
  const tokenizer = await TextTokenizer.load(join(tokenizerFixtures, 'unigram'));
  assert.throws(() => tokenizer.encode('a'.repeat(1_000_000)), {
    code: 'INVALID_REQUEST',
    message: /the text of 1000000 characters cannot be tokenized: a word in it is too long/,
  });
});

test('any text is cut to known ids, and always to the same', async () => {
  for (const name of Object.keys(expected)) {
    const tokenizer = await TextTokenizer.load(join(tokenizerFixtures, name), { maxLength: 16 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const { ids, tokens, typeIds } = tokenizer.encode(text);
        assert.ok(
          ids.length <= 16 && ids.every((id) => Number.isInteger(id) && id >= 0 && id < 400),
        );
        assert.deepEqual([tokens.length, typeIds?.length], [ids.length, ids.length]);
        assert.deepEqual(tokenizer.encode(text).ids, ids);
      }),
    );
  }
});

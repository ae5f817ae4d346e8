import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { SconceError } from '../../errors.js';

/** The parts of tokenizer.json that are read here; the library reads the rest. */
export const tokenizerFile = Type.Object({
  model: Type.Object({
    type: Type.Optional(Type.String()),
    unk_token: Type.Optional(Type.Unknown()),
  }),
  normalizer: Type.Unknown(),
  pre_tokenizer: Type.Unknown(),
  truncation: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Object({
        max_length: Type.Integer({ minimum: 1 }),
        direction: Type.Optional(Type.String()),
      }),
    ]),
  ),
  padding: Type.Optional(
    Type.Union([Type.Null(), Type.Object({ pad_id: Type.Integer({ minimum: 0 }) })]),
  ),
});

const component = Type.Object({
  type: Type.String(),
  behavior: Type.Optional(Type.String()),
  delimiter: Type.Optional(Type.String()),
  individual_digits: Type.Optional(Type.Boolean()),
  add_prefix_space: Type.Optional(Type.Boolean()),
  use_regex: Type.Optional(Type.Boolean()),
  lowercase: Type.Optional(Type.Boolean()),
  replacement: Type.Optional(Type.String()),
  split: Type.Optional(Type.Boolean()),
  pattern: Type.Optional(Type.Object({ Regex: Type.Optional(Type.String()) })),
  pretokenizers: Type.Optional(Type.Array(Type.Unknown())),
  normalizers: Type.Optional(Type.Array(Type.Unknown())),
});

/** The pattern of ByteLevel with `use_regex`: GPT-2's. */
const words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Rust's `\w`, which counts the joiners of emoji in. */
const wordCharacters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}';

const sign = '[!-/:-@\\[-`{-~\\p{P}]';

/** What a Split may do with its matches where JavaScript and Rust agree. */
const agreed = ['Isolated', 'Removed'];

function split(regex: string, behavior: string, invert = false): unknown {
  return { type: 'Split', pattern: { Regex: regex }, behavior, invert };
}

function inOrder(...pretokenizers: readonly unknown[]): unknown {
  return { type: 'Sequence', pretokenizers };
}

/** Cuts before each mark. */
function beforeEach(mark: string): unknown {
  const code = `\\x{${mark.codePointAt(0)?.toString(16)}}`;
  return split(`${code}[^${code}]*|[^${code}]+`, 'Removed', true);
}

/** `\G`, where the last match has ended, has no counterpart in JavaScript. */
function refuseLastMatch(regex: string): void {
  if (!/^(?:[^\\]|\\[^G])*\\G/s.test(regex)) return;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    'tokenizer.json: \\G in the regular expression of a pre-tokenizer is not supported',
  );
}

/**
 * A pre-tokenizer in words that the JavaScript library takes as the Rust one does. Its own
 * expressions for white space, words, signs and digits know ASCII only or count U+FEFF as a space;
 * those of a Split are translated exactly.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for what the library would cut elsewhere.
 */
export function exactPreTokenizer(given: unknown): unknown {
  if (!Value.Check(component, given)) return given;
  switch (given.type) {
    case 'Sequence':
      return { ...given, pretokenizers: (given.pretokenizers ?? []).map(exactPreTokenizer) };
    case 'Whitespace':
      return split(`[${wordCharacters}]+|[^${wordCharacters}\\s]+`, 'Removed', true);
    case 'WhitespaceSplit':
      return split('\\s+', 'Removed');
    case 'CharDelimiterSplit':
      return { type: 'Split', pattern: { String: given.delimiter }, behavior: 'Removed' };
    case 'Digits':
      return split(given.individual_digits === true ? '\\p{N}' : '\\p{N}+', 'Isolated');
    case 'Punctuation':
      return split(sign, agreedBehavior(given.type, given.behavior ?? 'Isolated'));
    case 'ByteLevel':
      // A space in front is put there before the text is cut.
      if (given.use_regex === false || given.add_prefix_space === true) return given;
      return inOrder(split(words, 'Isolated'), { ...given, use_regex: false });
    case 'Metaspace':
      return given.split === false ? given : inOrder(given, beforeEach(given.replacement ?? '▁'));
    case 'Split':
      agreedBehavior(given.type, given.behavior ?? '');
      refuseLastMatch(given.pattern?.Regex ?? '');
      return given;
    default:
      return given;
  }
}

function agreedBehavior(type: string, behavior: string): string {
  if (agreed.includes(behavior)) return behavior;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `tokenizer.json: the pre-tokenizer ${type} with the behavior ${behavior} is not supported; supported are ${agreed.join(' and ')}`,
  );
}

/** Whether a normalizer makes letters small. */
export function lowersCase(given: unknown): boolean {
  if (!Value.Check(component, given)) return false;
  if (given.type === 'Sequence') return (given.normalizers ?? []).some(lowersCase);
  return (
    given.type === 'Lowercase' || (given.type === 'BertNormalizer' && given.lowercase !== false)
  );
}

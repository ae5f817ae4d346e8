import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, SconceError } from '../../errors.js';
import type { EncodedText, TextEncoder } from './text-encoder.js';
import { exactPreTokenizer, lowersCase, tokenizerFile } from './tokenizer-file.js';

const configFile = Type.Object({
  unk_token: Type.Optional(Type.Unknown()),
  pad_token: Type.Optional(
    Type.Union([Type.Null(), Type.String(), Type.Object({ content: Type.String() })]),
  ),
  model_max_length: Type.Optional(Type.Union([Type.Null(), Type.Number()])),
});

/** transformers writes 1e30 for tokenizers that know no length. */
const noLength = 1e9;
const longestByDefault = 512;
const padTokens = ['[PAD]', '<pad>'];

/** As the library's types would have it, if they could be resolved here. */
interface LibraryEncoding {
  /** Undefined for what the vocabulary does not have and has no token for. */
  ids: (number | undefined)[];
  tokens: string[];
  token_type_ids?: number[];
}

/** What special tokens surround a text with. */
interface Frame {
  before: EncodedText;
  after: EncodedText;
}

/** A tokenizer.json of the Hugging Face library, with truncation. */
export class TextTokenizer implements TextEncoder {
  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly frame: Frame,
    readonly padId: number,
    /** Tokens, special ones included. */
    readonly maxLength: number,
    private readonly keepsEnd: boolean,
    private readonly lowers: boolean,
  ) {}

  /**
   * Reads tokenizer.json and, where there is one, tokenizer_config.json.
   *
   * @param maxLength by default that of tokenizer.json, else that of tokenizer_config.json, else 512
   * @throws {SconceError} INVALID_CONFIGURATION naming the file and what is wrong with it.
   */
  static async load(
    folder: string,
    given: { maxLength?: number | undefined; padId?: number | undefined } = {},
  ): Promise<TextTokenizer> {
    const file = await readJson(folder, 'tokenizer.json', tokenizerFile);
    if (file === undefined) throw invalid('tokenizer.json', 'there is no such file');
    const config = (await readJson(folder, 'tokenizer_config.json', configFile)) ?? {};
    const { Tokenizer } = await import('@huggingface/tokenizers');
    const exact = { ...file, pre_tokenizer: exactPreTokenizer(file.pre_tokenizer) };
    // The library looks for it beside the model only.
    const unknown = file.model.unk_token ?? config.unk_token;
    let tokenizer: Tokenizer;
    let frame: Frame;
    try {
      tokenizer = new Tokenizer(exact, { ...config, unk_token: unknown });
      frame = frameOf(tokenizer);
    } catch (error) {
      if (error instanceof SconceError) throw error;
      throw invalid('tokenizer.json', messageOf(error));
    }
    const maxLength = given.maxLength ?? lengthOf(file, config);
    const special = frame.before.ids.length + frame.after.ids.length;
    if (maxLength <= special) {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `handler.maxLength: ${maxLength} tokens leave no room beside the ${special} special ones`,
      );
    }
    const keepsEnd = file.truncation?.direction === 'Left';
    const padId = given.padId ?? padIdOf(file, config, tokenizer);
    return new TextTokenizer(
      tokenizer,
      frame,
      padId,
      maxLength,
      keepsEnd,
      lowersCase(file.normalizer),
    );
  }

  /** Never longer than maxLength: the end of a long text is left out, or its start. */
  encode(text: string): EncodedText {
    // Rust lowers letter by letter; JavaScript writes a final sigma at the end of a word.
    const given = this.lowers ? text.replaceAll('Σ', 'σ') : text;
    const { before, after } = this.frame;
    const room = this.maxLength - before.ids.length - after.ids.length;
    const whole = this.#encodeAlone(given);
    const start = this.keepsEnd ? Math.max(0, whole.ids.length - room) : 0;
    const ids = whole.ids.slice(start, start + room);
    const tokens = whole.tokens.slice(start, start + room);
    return joined([before, { ids, tokens }, after]);
  }

  #encodeAlone(text: string): EncodedText {
    try {
      return encodeAlone(this.tokenizer, text);
    } catch (error) {
      // The library passes the tokens of a word as arguments, of which there may not be so many.
      if (!(error instanceof RangeError)) throw error;
      throw new SconceError(
        'INVALID_REQUEST',
        `the text of ${text.length} characters cannot be tokenized: a word in it is too long`,
      );
    }
  }
}

/** The text alone. What the vocabulary does not have and has no token for is left out, as in Rust. */
function encodeAlone(tokenizer: Tokenizer, text: string): EncodedText {
  const whole: LibraryEncoding = tokenizer.encode(text, { add_special_tokens: false });
  const ids = whole.ids.filter((id) => id !== undefined);
  if (ids.length === whole.ids.length) return { ids, tokens: whole.tokens };
  return { ids, tokens: whole.tokens.filter((_, i) => whole.ids[i] !== undefined) };
}

/** Finds out what surrounds a text by encoding one with and without it. */
function frameOf(tokenizer: Tokenizer): Frame {
  const alone = encodeAlone(tokenizer, 'a');
  const framed: LibraryEncoding = tokenizer.encode('a', { return_token_type_ids: true });
  const ids = framed.ids.filter((id) => id !== undefined);
  const start = [...ids.keys()].find((at) => alone.ids.every((id, i) => ids[at + i] === id));
  if (start === undefined && ids.length > 0) {
    throw invalid('tokenizer.json', 'its post-processor changes more than what surrounds a text');
  }
  const part = (from: number, to?: number): EncodedText => ({
    ids: ids.slice(from, to),
    tokens: framed.tokens.slice(from, to),
    typeIds: framed.token_type_ids?.slice(from, to) ?? [],
  });
  return { before: part(0, start ?? 0), after: part((start ?? 0) + alone.ids.length) };
}

function joined(parts: readonly EncodedText[]): EncodedText {
  return {
    ids: parts.flatMap(({ ids }) => ids),
    tokens: parts.flatMap(({ tokens }) => tokens),
    typeIds: parts.flatMap(({ ids, typeIds }) => ids.map((_, i) => typeIds?.[i] ?? 0)),
  };
}

function lengthOf(file: Static<typeof tokenizerFile>, config: Static<typeof configFile>): number {
  const { model_max_length: length } = config;
  return (
    file.truncation?.max_length ??
    (typeof length === 'number' && length < noLength ? length : longestByDefault)
  );
}

function padIdOf(
  file: Static<typeof tokenizerFile>,
  { pad_token: token }: Static<typeof configFile>,
  tokenizer: Tokenizer,
): number {
  const name = typeof token === 'object' ? token?.content : token;
  const ids = [name, ...padTokens].map((each) => each && tokenizer.token_to_id(each));
  return file.padding?.pad_id ?? ids.find((id) => typeof id === 'number') ?? 0;
}

async function readJson<S extends TSchema>(
  folder: string,
  name: string,
  schema: S,
): Promise<Static<S> | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw invalid(name, messageOf(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(name, messageOf(error));
  }
  if (Value.Check(schema, value)) return value;
  const [problem] = Value.Errors(schema, value);
  throw invalid(name, `${problem?.instancePath || 'it'} ${problem?.message ?? 'is not valid'}`);
}

function invalid(file: string, problem: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `${file}: ${problem}`);
}

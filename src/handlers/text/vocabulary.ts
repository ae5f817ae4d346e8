import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SconceError } from '../../errors.js';
import { cleanWords, ngrams } from './cleaning.js';
import type { EncodedText, TextEncoder } from './text-encoder.js';

/** The file of an archive that gives each token its id. */
export const vocabularyFile = 'vocab.json';

const unknownTokens = ['<unk>', '[UNK]'];

/** The vocabulary of a text classifier as TorchServe has them: words and runs of words. */
export class Vocabulary implements TextEncoder {
  readonly padId = 0;
  readonly maxLength = undefined;

  constructor(
    private readonly ids: ReadonlyMap<string, number>,
    /** For what the vocabulary does not have; undefined refuses it. */
    private readonly unknownId: number | undefined,
    /** Words in the longest run. */
    private readonly longestRun: number,
  ) {}

  /**
   * Reads vocab.json, an object of token to id.
   *
   * @param unknownId by default that of the token `<unk>` or `[UNK]`
   * @throws {SconceError} INVALID_CONFIGURATION naming the entry that is wrong.
   */
  static async load(
    folder: string,
    longestRun: number,
    unknownId: number | undefined,
  ): Promise<Vocabulary> {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(join(folder, vocabularyFile), 'utf8'));
    } catch (error) {
      throw invalid(messageOf(error));
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalid('an object {"<token>": <id>} is expected');
    }
    const ids = new Map<string, number>();
    for (const [token, id] of Object.entries(value)) {
      if (!Number.isInteger(id) || id < 0) {
        throw invalid(`the id of ${JSON.stringify(token)} must be an integer from 0 on`);
      }
      ids.set(token, id);
    }
    const known = unknownTokens.map((token) => ids.get(token)).find((id) => id !== undefined);
    return new Vocabulary(ids, unknownId ?? known, longestRun);
  }

  encode(text: string): EncodedText {
    const tokens = cleanWords(text);
    if (tokens.length === 0) {
      throw new SconceError(
        'INVALID_REQUEST',
        'the text has no words: nothing is left of it without markup, punctuation and letters beyond ASCII',
      );
    }
    return { ids: ngrams(tokens, this.longestRun).map((token) => this.#idOf(token)), tokens };
  }

  #idOf(token: string): number {
    const id = this.ids.get(token) ?? this.unknownId;
    if (id !== undefined) return id;
    throw new SconceError(
      'INVALID_REQUEST',
      `${JSON.stringify(token)} is not in the vocabulary of the model, which has no token for unknown words (handler.unknownIndex)`,
    );
  }
}

function invalid(problem: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `${vocabularyFile}: ${problem}`);
}

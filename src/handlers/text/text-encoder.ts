/** A text as numbers. */
export interface EncodedText {
  ids: readonly number[];
  /** What each id stands for; of a vocabulary the words alone, without their runs. */
  tokens: readonly string[];
  /** Which segment each id belongs to; undefined where all belong to segment 0. */
  typeIds?: readonly number[];
}

/** Turns texts into the ids that a model was trained with. */
export interface TextEncoder {
  /** Id that fills up shorter rows. */
  readonly padId: number;
  /** Ids of a text at most; undefined for any number. */
  readonly maxLength: number | undefined;
  /** @throws {SconceError} INVALID_REQUEST for a text that cannot be encoded. */
  encode(text: string): EncodedText;
}

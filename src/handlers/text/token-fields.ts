import { SconceError } from '../../errors.js';
import type { TensorField } from '../tensor/tensor-plan.js';

/** Which of the model's inputs takes what. */
export interface TokenFields {
  ids: TensorField;
  /** 1 for tokens, 0 for padding. */
  mask: TensorField | undefined;
  /** Segments. */
  typeIds: TensorField | undefined;
}

/**
 * Finds the inputs of a model of token sequences: the mask and the segments by their names, and by
 * their places when they have others.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the inputs that are there.
 */
export function tokenFields(inputs: readonly TensorField[]): TokenFields {
  const [ids, ...others] = inputs;
  const named = (pattern: RegExp): TensorField | undefined =>
    others.find(({ name }) => pattern.test(name));
  const byName = { mask: named(/mask/i), typeIds: named(/type|segment/i) };
  const known = others.filter((field) => field === byName.mask || field === byName.typeIds);
  const [mask, typeIds] = known.length === 0 ? others : [byName.mask, byName.typeIds];
  const taken = [mask, typeIds].filter((field) => field !== undefined).length;
  if (ids === undefined || taken < others.length) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `a text model takes token ids, an attention mask and segments at most; its inputs are ${inputs.map(({ name }) => name).join(', ') || 'none'}`,
    );
  }
  return { ids, mask, typeIds };
}

/** Tokens of a row that the configuration fixes; undefined when it may be any number. */
export function fixedLength({ ids }: TokenFields): number | undefined {
  const length = ids.dims?.[0];
  return length === undefined || length < 0 ? undefined : length;
}

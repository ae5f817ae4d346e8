import { SconceError } from '../../errors.js';
import type { ModelContext, RequestContext } from '../api/context.js';
import type { HandlerInput } from '../api/handler-input.js';
import type { Outputs } from '../api/outputs.js';
import type { Chunk, Reply } from '../api/reply.js';
import type { Tensor } from '../api/tensor.js';
import type { TextOptions } from './options.js';
import { normalizeRows, pooled } from './pooling.js';
import type { TextEncoder } from './text-encoder.js';
import { mainOutput, TextHandler } from './text-handler.js';
import { TextTokenizer } from './text-tokenizer.js';
import { replyInForm } from './texts.js';
import type { Run } from './token-rows.js';

/**
 * The built-in handler `text_embedding`: texts to vectors, for sentence-transformers' models. The
 * model is `forward(input_ids, attention_mask[, token_type_ids])` and returns the vectors of the
 * tokens, [texts, tokens, n]: alone, first in a tuple, or as `last_hidden_state`. The answer to a
 * text is a list of n numbers, that to a list of texts a list of such lists.
 */
export class TextEmbedding extends TextHandler {
  protected override loadEncoder(
    { systemProperties }: ModelContext,
    maxLength: number | undefined,
    { padId }: TextOptions,
  ): Promise<TextEncoder> {
    return TextTokenizer.load(systemProperties.model_dir, { maxLength, padId });
  }

  /** Pools the vectors of each text's tokens, and normalizes the result. */
  protected override reduce(outputs: Outputs, { lengths }: Pick<Run, 'lengths'>): Tensor {
    const { pooling, normalize } = this.options;
    const hidden = mainOutput(outputs, 'last_hidden_state');
    const vectors = pooled(hidden, lengths, pooling);
    if (normalize) normalizeRows(vectors);
    return vectors;
  }

  override postprocess(
    outputs: Outputs,
    request: HandlerInput,
    _context: RequestContext,
  ): Reply | Promise<Reply> | AsyncGenerator<Chunk> {
    const { tensor, rows } = outputs;
    return replyInForm(
      request,
      Array.from({ length: rows }, (_, row) => tensor.at(row)),
    );
  }

  /** @throws {SconceError} EXPLANATION_UNSUPPORTED, always. */
  override explain(): Reply {
    throw new SconceError(
      'EXPLANATION_UNSUPPORTED',
      'no number of a vector means anything by itself',
    );
  }
}

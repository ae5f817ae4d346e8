import { Tensor } from '../api/tensor.js';
import { probabilitiesOf } from '../class-scores.js';

/** An explanation of a text, as TorchServe's text_classifier gives it. */
export interface WordImportances {
  importances: Tensor<'float32'>;
  words: readonly string[];
}

/**
 * What an attribution to the vectors of a text's tokens says of its words.
 *
 * @param attributions [tokens, n], or [n] of an embedding bag, which has one vector for a text; rows
 *   beyond the tokens are padding
 * @param asTorchServe the importances are [vectors, n]: each vector's softmax, divided by the norm of
 *   the vectors' sums. Else they are one number for each token: the sum of its vector, divided by the
 *   norm of all sums, as Captum's tutorials have it.
 */
export function wordImportances(
  attributions: Tensor<'float32'>,
  tokens: readonly string[],
  asTorchServe: boolean,
): WordImportances {
  const width = attributions.shape.at(-1) ?? 1;
  const vectors = Array.from({ length: attributions.size / Math.max(width, 1) }, (_, i) =>
    attributions.data.subarray(i * width, (i + 1) * width),
  );
  const words = tokens.map((token) => token.replaceAll('Ġ', ''));
  if (!asTorchServe) {
    const sums = vectors.slice(0, tokens.length).map(sumOf);
    const norm = normOf(sums) || 1;
    return { importances: Tensor.from(sums.map((sum) => sum / norm)), words };
  }
  const probabilities = vectors.map(probabilitiesOf);
  const norm = normOf(probabilities.map(sumOf));
  const importances = probabilities.map((vector) => Array.from(vector, (value) => value / norm));
  return { importances: Tensor.from(importances), words };
}

function sumOf(vector: Float32Array): number {
  return vector.reduce((sum, value) => sum + value, 0);
}

function normOf(values: readonly number[]): number {
  return Math.sqrt(values.reduce((squares, value) => squares + value * value, 0));
}

import { addon } from '../native/binding.js';

/** Probabilities of the scores of one row: softmax. */
export function probabilitiesOf(scores: Float32Array): Float32Array {
  const probabilities = new Float32Array(scores.length);
  addon().softmax(scores, probabilities);
  return probabilities;
}

/**
 * Positions of the largest values, the largest first: all of them when there are fewer than `count`.
 * Equal ones come in the order of torch.topk.
 */
export function strongest(values: Float32Array, count: number): Int32Array {
  const indices = new Int32Array(Math.min(count, values.length));
  addon().topK(values, indices);
  return indices;
}

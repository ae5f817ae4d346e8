import { SconceError } from '../../errors.js';
import { Tensor } from '../api/tensor.js';
import type { Pooling } from './options.js';

/** As torch.nn.functional.normalize: a vector of zeros stays one. */
const smallestNorm = 1e-12;

/**
 * One vector for each text from those of its tokens, as sentence-transformers pools them; padding
 * does not count. What is [texts, n] already stays as it is.
 *
 * @param hidden [texts, tokens, n]
 * @param lengths tokens of each text without the padding
 * @returns float32[texts, n]
 * @throws {SconceError} INVALID_OUTPUT naming the shape, when it is another.
 */
export function pooled(
  hidden: Tensor,
  lengths: readonly number[],
  pooling: Pooling,
): Tensor<'float32'> {
  const { shape } = hidden;
  if (shape.length === 2) return hidden.to('float32');
  const [rows = 0, tokens = 0, width = 0] = shape;
  if (shape.length !== 3) {
    throw new SconceError(
      'INVALID_OUTPUT',
      `the model returns ${hidden.describe()}; [texts, tokens, n] or [texts, n] is expected`,
    );
  }
  const values = hidden.numbers();
  const target = Tensor.zeros('float32', [rows, width]);
  for (let row = 0; row < rows; row += 1) {
    const count = Math.min(lengths[row] ?? tokens, tokens);
    const start = row * tokens * width;
    const part = values.subarray(start, start + count * width);
    target.data.set(poolTokens(part, count, width, pooling), row * width);
  }
  return target;
}

function poolTokens(
  values: ArrayLike<number>,
  count: number,
  width: number,
  pooling: Pooling,
): Float64Array {
  const vector = new Float64Array(width);
  const used = pooling === 'cls' ? Math.min(count, 1) : count;
  if (pooling === 'max' && count > 0) vector.fill(Number.NEGATIVE_INFINITY);
  for (let token = 0; token < used; token += 1) {
    const start = token * width;
    for (let i = 0; i < width; i += 1) {
      const value = values[start + i] ?? 0;
      const sofar = vector[i] ?? 0;
      vector[i] = pooling === 'max' ? Math.max(sofar, value) : sofar + value;
    }
  }
  return pooling === 'mean' && count > 1 ? vector.map((sum) => sum / count) : vector;
}

/** Gives each row of [rows, n] the length 1, in place. */
export function normalizeRows(tensor: Tensor<'float32'>): void {
  const [rows = 0, width = 0] = tensor.shape;
  for (let row = 0; row < rows; row += 1) {
    const vector = tensor.data.subarray(row * width, (row + 1) * width);
    let squares = 0;
    for (const value of vector) squares += value * value;
    const norm = Math.max(Math.sqrt(squares), smallestNorm);
    for (let i = 0; i < width; i += 1) vector[i] = (vector[i] ?? 0) / norm;
  }
}

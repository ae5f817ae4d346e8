import { messageOf, SconceError } from '../../errors.js';
import type { Outputs } from '../api/outputs.js';
import type { Tensor } from '../api/tensor.js';

/**
 * The output that an image handler reads, as float32 [rows, ...].
 *
 * @param name of it among others; without one the model returns nothing else
 * @param rank dimensions it has, the rows included
 * @throws {SconceError} INVALID_OUTPUT saying what the model returns instead.
 */
export function outputOf(
  outputs: Outputs,
  rank: number,
  name: string | undefined,
): Tensor<'float32'> {
  const tensor = named(outputs, name);
  if (tensor.shape.length === rank) return tensor.to('float32');
  throw new SconceError(
    'INVALID_OUTPUT',
    `the model returns ${tensor.describe()}; ${rank} dimensions are expected`,
  );
}

/** An output by its name. @throws {SconceError} INVALID_OUTPUT naming those there are. */
export function named(outputs: Outputs, name: string | undefined): Tensor {
  try {
    return name === undefined ? outputs.tensor : outputs.get(name);
  } catch (error) {
    throw new SconceError('INVALID_OUTPUT', messageOf(error));
  }
}

/** What a request is answered with: its only row, or a list. */
export function replyOf<T>(rows: number, row: (index: number) => T): T | T[] {
  return rows === 1 ? row(0) : Array.from({ length: rows }, (_, index) => row(index));
}

import { SconceError } from '../../errors.js';
import { rowBytes } from '../../tensors/tensor-spec.js';
import type { Inputs } from '../api/context.js';
import { describeValue } from '../api/describe-value.js';
import { Tensor } from '../api/tensor.js';
import { findOutlier } from '../tensor/integer-range.js';
import type { TensorField } from '../tensor/tensor-plan.js';

/** A handler's mistake: what it gives the model is not what the model takes. */
function mistake(text: string): SconceError {
  return new SconceError('HANDLER_FAILED').because(text);
}

/**
 * The tensors for the model, in the order of its inputs, all with the same number of rows.
 *
 * @throws {SconceError} HANDLER_FAILED naming the input, what is expected and what was given.
 */
export function checkInputs(
  fields: readonly TensorField[],
  inputs: Inputs,
): { rows: number; tensors: Tensor[] } {
  const named = byName(fields, inputs);
  const tensors = fields.map((field) => checkTensor(field, named.get(field.name)));
  const rows = tensors[0]?.shape[0] ?? 0;
  for (const [i, tensor] of tensors.entries()) {
    if (tensor.shape[0] === rows) continue;
    throw mistake(
      `input "${fields[i]?.name}" has ${tensor.shape[0]} rows, input "${fields[0]?.name}" has ${rows}`,
    );
  }
  if (rows === 0) throw mistake('the inputs have no rows');
  return { rows, tensors };
}

function byName(fields: readonly TensorField[], inputs: Inputs): Map<string, unknown> {
  const names = fields.map(({ name }) => `"${name}"`).join(', ');
  const [only] = fields;
  if (inputs instanceof Tensor) {
    if (fields.length === 1 && only !== undefined) return new Map([[only.name, inputs]]);
    throw mistake(
      `the model takes ${fields.length} inputs, by name: ${names}; one tensor was given`,
    );
  }
  if (!isNamed(inputs)) {
    throw mistake(
      `the model takes a Tensor, or an object of Tensors by name (${names}); ${describeValue(inputs)} was given`,
    );
  }
  const named = new Map(Object.entries(inputs));
  for (const name of named.keys()) {
    if (fields.some((field) => field.name === name)) continue;
    throw mistake(`the model has no input "${name}"; it takes ${names}`);
  }
  return named;
}

function checkTensor(field: TensorField, given: unknown): Tensor {
  const { name, dtype, dims } = field;
  if (!(given instanceof Tensor)) {
    const what = given === undefined ? 'nothing' : describeValue(given);
    throw mistake(`input "${name}": a Tensor ${shapeOf(field)} is expected; ${what} was given`);
  }
  const [, ...rest] = given.shape;
  const fits =
    given.dtype === dtype &&
    given.shape.length > 0 &&
    (dims === null ||
      (dims.length === rest.length && dims.every((dim, i) => dim < 0 || dim === rest[i])));
  if (!fits) {
    throw mistake(`input "${name}": ${shapeOf(field)} is expected; ${given.describe()} was given`);
  }
  if (rowBytes({ dtype, dims: rest }) === 0) {
    throw mistake(`input "${name}": ${given.describe()} has rows without elements`);
  }
  // A bool that is neither 0 nor 1 is undefined behaviour in C++.
  const { data } = given;
  if (dtype === 'bool' && data instanceof Uint8Array && data.some((value) => value > 1)) {
    throw mistake(`input "${name}": a bool is 0 or 1`);
  }
  const outlier = findOutlier(field, { dtype, dims: rest }, given.bytes);
  if (outlier !== undefined) {
    const { place, expected, value } = outlier;
    throw mistake(`input "${name}"${place}: ${expected} is expected; ${value} was given`);
  }
  return given;
}

/** What an input takes: `float32[n, 64]`. */
export function shapeOf({ dtype, dims }: TensorField): string {
  const shape = dims === null ? ['n', '…'] : ['n', ...dims.map((dim) => (dim < 0 ? 'any' : dim))];
  return `${dtype}[${shape.join(', ')}]`;
}

/** An object whose members have names: no list, no typed array, no generator or promise. */
function isNamed(inputs: unknown): inputs is Record<string, unknown> {
  return (
    typeof inputs === 'object' &&
    inputs !== null &&
    !Array.isArray(inputs) &&
    !ArrayBuffer.isView(inputs) &&
    !(Symbol.iterator in inputs) &&
    !(inputs instanceof Promise)
  );
}

import { SconceError } from '../../errors.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { findOutlier } from './integer-range.js';
import type { TensorField, TensorPlan } from './tensor-plan.js';

/** Rows of a body of raw bytes: the tensors one after the other, each with all its rows. */
export interface BinaryRows {
  rows: number;
  inputs: readonly TensorSpec[];
  /** First byte of each input, and last the body's length. */
  starts: readonly number[];
}

/** @throws {SconceError} INVALID_REQUEST when the bytes are no rows of the model's inputs. */
export function readBinaryBody(
  plan: Pick<TensorPlan, 'fields' | 'fixed' | 'text'>,
  body: Uint8Array,
): BinaryRows {
  const { fixed: inputs, text } = plan;
  if (inputs === undefined) {
    throw new SconceError(
      'INVALID_REQUEST',
      `raw bytes need a shape for every input; the model configuration leaves some open (${text})`,
    );
  }
  const perRow = inputs.reduce((sum, spec) => sum + rowBytes(spec), 0);
  if (body.byteLength === 0 || perRow === 0 || body.byteLength % perRow !== 0) {
    throw new SconceError(
      'INVALID_REQUEST',
      `the body has ${body.byteLength} bytes; a row (${text}) takes ${perRow}, so a multiple of that is expected`,
    );
  }
  const rows = body.byteLength / perRow;
  const starts = [0];
  for (const spec of inputs) starts.push((starts.at(-1) ?? 0) + rowBytes(spec) * rows);
  for (const [i, spec] of inputs.entries()) {
    const field = plan.fields[i];
    if (spec.dtype === 'bool') checkBooleans(field?.name, body, starts[i], starts[i + 1]);
    else if (field !== undefined) checkRange(field, spec, body.subarray(starts[i], starts[i + 1]));
  }
  return { rows, inputs, starts };
}

/** A bool that is neither 0 nor 1 is undefined behaviour in C++. */
function checkBooleans(field: string | undefined, body: Uint8Array, start = 0, end = 0): void {
  for (let at = start; at < end; at += 1) {
    if ((body[at] ?? 0) <= 1) continue;
    throw new SconceError(
      'INVALID_REQUEST',
      `field "${field}": byte ${at} of the body is ${body[at]}; a bool is 0 or 1`,
    );
  }
}

function checkRange(field: TensorField, spec: TensorSpec, bytes: Uint8Array): void {
  const outlier = findOutlier(field, spec, bytes);
  if (outlier === undefined) return;
  const { place, expected, value } = outlier;
  throw new SconceError(
    'INVALID_REQUEST',
    `field "${field.name}"${place}: expected ${expected}, found ${value}`,
  );
}

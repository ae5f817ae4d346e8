import type { Inputs } from '../api/context.js';
import { Tensor } from '../api/tensor.js';
import type { TensorField } from '../tensor/tensor-plan.js';
import type { EncodedText } from './text-encoder.js';
import type { TokenFields } from './token-fields.js';

/** How texts become rows of one length. */
export interface RowShape {
  fields: TokenFields;
  padId: number;
  /** Tokens of a row for a text of so many. */
  paddedLength(tokens: number): number;
}

/** Tokens of each row without the padding, by the tensors that hold them. */
const lengths = new WeakMap<object, readonly number[]>();

/** Rows of the length that the longest text needs, as the model takes them: [texts, length]. */
export function tokenRows(texts: readonly EncodedText[], shape: RowShape): Record<string, Tensor> {
  const { fields, padId } = shape;
  const longest = texts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const width = shape.paddedLength(longest);
  const filled = (
    field: TensorField | undefined,
    padding: number,
    valuesOf: (text: EncodedText) => readonly number[],
  ): [string, Tensor][] => {
    if (field === undefined) return [];
    const values = new Float64Array(texts.length * width).fill(padding);
    for (const [row, text] of texts.entries()) values.set(valuesOf(text), row * width);
    return [[field.name, Tensor.from(values, field.dtype, [texts.length, width])]];
  };
  const rows = Object.fromEntries([
    ...filled(fields.ids, padId, ({ ids }) => ids),
    ...filled(fields.mask, 0, ({ ids }) => ids.map(() => 1)),
    ...filled(fields.typeIds, 0, ({ ids, typeIds }) => typeIds ?? ids.map(() => 0)),
  ]);
  lengths.set(
    rows,
    texts.map(({ ids }) => ids.length),
  );
  return rows;
}

/** Some rows of a request, cut to the length that they need. */
export interface Run {
  inputs: Record<string, Tensor>;
  /** Their numbers in the request. */
  rows: readonly number[];
  /** Tokens of each without the padding. */
  lengths: readonly number[];
}

/**
 * Parts rows into runs of one length each, so that short texts are not padded as long ones are and
 * share batches with rows of their length.
 *
 * @param most rows of a run
 */
export function* runsOf(inputs: Inputs, shape: RowShape, most: number): Generator<Run> {
  const tensors = inputs instanceof Tensor ? { [shape.fields.ids.name]: inputs } : inputs;
  const [rows = 0, width = 0] = tensors[shape.fields.ids.name]?.shape ?? [];
  const known = lengths.get(inputs) ?? new Array<number>(rows).fill(width);
  const groups = new Map<number, number[]>();
  for (const [row, length] of known.entries()) {
    const padded = Math.min(shape.paddedLength(length), width);
    const group = groups.get(padded);
    if (group === undefined) groups.set(padded, [row]);
    else group.push(row);
  }
  for (const [length, group] of groups) {
    for (let start = 0; start < group.length; start += most) {
      const part = group.slice(start, start + most);
      const cut = Object.entries(tensors).map(([name, tensor]): [string, Tensor] => [
        name,
        chosen(tensor, part, length),
      ]);
      yield {
        inputs: Object.fromEntries(cut),
        rows: part,
        lengths: part.map((row) => known[row] ?? 0),
      };
    }
  }
}

/** The first `length` elements of some rows of [rows, width]. */
function chosen(tensor: Tensor, rows: readonly number[], length: number): Tensor {
  const [all, width = 0] = tensor.shape;
  if (rows.length === all && length === width) return tensor;
  const target = Tensor.zeros(tensor.dtype, [rows.length, length]);
  const rowWidth = length * target.data.BYTES_PER_ELEMENT;
  for (const [i, row] of rows.entries()) {
    target.bytes.set(tensor.at(row).bytes.subarray(0, rowWidth), i * rowWidth);
  }
  return target;
}

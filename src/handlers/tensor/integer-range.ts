import type { NativeOutlier } from '../../native/addon.js';
import { addon } from '../../native/binding.js';
import { type Dtype, dtypeCode } from '../../native/dtype.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';

/** Bounds of the integers of an input, themselves included; unbounded where absent. */
export interface IntegerRange {
  minimum?: number;
  maximum?: number;
}

const integerDtypes: ReadonlySet<Dtype> = new Set(['int8', 'int16', 'int32', 'int64', 'uint8']);

/**
 * The range of an input of which one is declared, and whose elements are all indices of an embedding.
 *
 * @param indexLimit rows of the embedding; undefined where there is none
 * @returns the narrower of both; no bounds for a dtype that is no integer's
 */
export function narrowRange(
  { minimum, maximum }: IntegerRange,
  dtype: Dtype,
  indexLimit: number | undefined,
): IntegerRange {
  if (!integerDtypes.has(dtype)) return {};
  const isIndex = indexLimit !== undefined && indexLimit > 0;
  const lowest = isIndex ? Math.max(0, minimum ?? 0) : minimum;
  const highest = isIndex ? Math.min(indexLimit - 1, maximum ?? indexLimit) : maximum;
  return {
    ...(lowest === undefined ? {} : { minimum: lowest }),
    ...(highest === undefined ? {} : { maximum: highest }),
  };
}

/** Why a range cannot be; undefined when it can. */
export function rangeProblem({ minimum, maximum }: IntegerRange, dtype: Dtype): string | undefined {
  if (minimum === undefined && maximum === undefined) return undefined;
  if (!integerDtypes.has(dtype)) return `its elements are ${dtype}, and bounds are for integers`;
  if (minimum === undefined || maximum === undefined || minimum <= maximum) return undefined;
  return `its minimum ${minimum} is above its maximum ${maximum}`;
}

/**
 * The first element that is out of range.
 *
 * @param spec of one row; `bytes` are rows one after the other
 * @returns also where it is, `[row][…]`; undefined when all are within
 */
export function findOutlier(
  { minimum, maximum }: IntegerRange,
  { dtype, dims }: TensorSpec,
  bytes: Uint8Array,
): (NativeOutlier & { place: string }) | undefined {
  if (minimum === undefined && maximum === undefined) return undefined;
  const outlier = addon().findOutlier(bytes, dtypeCode(dtype), minimum, maximum);
  return outlier && { ...outlier, place: placeOf(outlier.index, dims) };
}

function placeOf(index: number, dims: readonly number[]): string {
  let place = '';
  let rest = index;
  for (let i = dims.length - 1; i >= 0; i -= 1) {
    const dim = dims[i] ?? 1;
    place = `[${rest % dim}]${place}`;
    rest = Math.floor(rest / dim);
  }
  return `[${rest}]${place}`;
}

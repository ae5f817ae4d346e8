import { type Dtype, dtypeSize } from '../native/dtype.js';

/** Every region of shared memory starts at a multiple of this many bytes (native/slab.h). */
export const alignment = 64;

/** One tensor of a row: `dims` excludes the batch dimension. */
export interface TensorSpec {
  dtype: Dtype;
  dims: readonly number[];
}

/** A name for the shape of a row: rows with the same name may share a batch. */
export function rowKey(inputs: readonly Pick<TensorSpec, 'dims'>[]): string {
  return inputs.map(({ dims }) => dims.join()).join(';');
}

/** The next multiple of 64 bytes. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Bytes of one row of a tensor. */
export function rowBytes(spec: TensorSpec): number {
  return spec.dims.reduce((bytes, dim) => bytes * dim, dtypeSize(spec.dtype));
}

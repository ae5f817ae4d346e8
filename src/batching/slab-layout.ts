import type { NativeSlabLayout } from '../native/addon.js';
import { dtypeCode } from '../native/dtype.js';
import { alignment, alignUp, rowBytes, type TensorSpec } from '../tensors/tensor-spec.js';

/**
 * The slab header, in 32-bit words. native/slab.h is the other half; a test compares them.
 *
 *   word 0             state: rows reserved so far; the sign bit says sealed
 *   word 1             settled: rows whose writer has finished; the sign bit says closed
 *   words 16..         per row: what its writer left (empty, committed, cancelled)
 *   words 16+capacity  per row: index of its output row after completion, -1 for none
 */
export const slabHeader = {
  alignment,
  stateWord: 0,
  settledWord: 1,
  rowsWord: 16,
  rowEmpty: 0,
  rowCommitted: 1,
  rowCancelled: 2,
  maxCapacity: 65_536,
} as const;

export interface SlabLayout extends NativeSlabLayout {
  /** Bytes of one row of each input. */
  rowBytes: number[];
  /** Bytes of the whole slab. */
  bytes: number;
}

/** Where everything lies in a slab of `capacity` rows with `outputBytes` for the outputs. */
export function layOut(
  inputs: readonly TensorSpec[],
  capacity: number,
  outputBytes: number,
): SlabLayout {
  let offset = alignUp(4 * (slabHeader.rowsWord + 2 * capacity));
  const native = [];
  const bytesPerRow = [];
  for (const input of inputs) {
    native.push({ dtype: dtypeCode(input.dtype), dims: [...input.dims], offset });
    bytesPerRow.push(rowBytes(input));
    offset += alignUp(rowBytes(input) * capacity);
  }
  return {
    capacity,
    inputs: native,
    rowBytes: bytesPerRow,
    outputOffset: offset,
    outputBytes,
    bytes: offset + alignUp(outputBytes),
  };
}

/** The header words of a slab's memory. */
export function headerWords(memory: Uint8Array, capacity: number): Int32Array {
  return new Int32Array(memory.buffer, memory.byteOffset, slabHeader.rowsWord + 2 * capacity);
}

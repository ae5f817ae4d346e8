import type { OutputStructure } from '../native/addon.js';
import { alignUp, rowBytes, type TensorSpec } from './tensor-spec.js';

/** Dtypes, row shapes and structure of a model's outputs. */
export interface OutputSignature {
  id: number;
  outputs: readonly TensorSpec[];
  structure: OutputStructure;
}

/** Byte offset of each output in a block of `rows` rows, and last the block's size. */
export function blockOffsets(outputs: readonly TensorSpec[], rows: number): number[] {
  const offsets = [0];
  let end = 0;
  for (const output of outputs) {
    end += alignUp(rowBytes(output) * rows);
    offsets.push(end);
  }
  return offsets;
}

/** The outputs of one batch, read in place. */
export class BatchOutputs {
  constructor(
    readonly signature: OutputSignature,
    /** Flat outputs one after the other, each [rows, ...dims] and 64-byte aligned. */
    readonly block: Uint8Array,
    /** Rows in the block. */
    readonly rows: number,
    /** Microseconds that the batch waited for an instance. */
    readonly queueMicroseconds: number,
    private readonly onRelease: () => void,
  ) {}

  /** Call once for each owner that was answered: the memory is then free for the next batch. */
  release(): void {
    this.onRelease();
  }

  /** The bytes of `rows` rows of each output, in place. */
  slices(firstRow: number, rows: number): Uint8Array[] {
    const offsets = blockOffsets(this.signature.outputs, this.rows);
    return this.signature.outputs.map((output, i) => {
      const bytes = rowBytes(output);
      const start = (offsets[i] ?? 0) + firstRow * bytes;
      return this.block.subarray(start, start + rows * bytes);
    });
  }
}

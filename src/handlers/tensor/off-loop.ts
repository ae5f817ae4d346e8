import type { NativeField } from '../../native/addon.js';
import type { OutputSignature } from '../../tensors/batch-outputs.js';

/** A body parsed on another thread. */
export interface ParsedBody {
  summary: Int32Array;
  /** All rows of each field, one field after the other, each from `offsets[i]`. */
  memory: Uint8Array;
  offsets: Float64Array;
}

/** Work that is too long for the main loop. The pool of workers/ does it. */
export interface OffLoop {
  /** Rejects with INVALID_REQUEST as the reader throws it. May take the body's memory away, unless it is shared. */
  readJson(fields: NativeField[], body: Uint8Array): Promise<ParsedBody>;
  writeJson(
    signature: Pick<OutputSignature, 'outputs' | 'structure'>,
    names: readonly string[] | null,
    block: Uint8Array,
    batchRows: number,
    firstRow: number,
    rows: number,
    form: number,
  ): Promise<string>;
}

/** JSON bodies from this size on are parsed off the main loop: about half a millisecond. */
export const largeBody = 128 * 1024;

/** Replies from this many elements on are written off the main loop. */
export const largeReply = 8192;

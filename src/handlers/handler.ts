import type { BatchOutputs } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';

/** A request as every protocol gives it to a handler. */
export interface HandlerRequest {
  body: Uint8Array;
  contentType: string | undefined;
  accept: string | undefined;
}

/** A request turned into rows that are ready to be written. */
export interface PreparedRows {
  readonly rows: number;
  /** Names the row shape: requests with the same key may share a batch. */
  readonly key: string;
  readonly inputs: readonly TensorSpec[];
  /**
   * Copies the rows into place: all rows of input i to `target` from byte `offsets[i]`. Called in
   * the same turn in which preprocess() returned or resolved.
   */
  store(target: Uint8Array, offsets: Float64Array): void;
  /** The reply's body from the rows' outputs. A promise when it is written off the main loop. */
  postprocess(outputs: BatchOutputs, firstRow: number): HandlerReply | Promise<HandlerReply>;
}

/** A reply as a handler gives it to every protocol. */
export interface HandlerReply {
  /** Text, or byte ranges that may lie in the slab: they are read until the reply is written. */
  body: string | readonly Uint8Array[];
  contentType: string | undefined;
  headers: Record<string, string> | undefined;
}

/** Turns requests into rows and outputs into replies, for one model version. */
export interface Handler {
  /**
   * @throws {SconceError} INVALID_REQUEST naming the field and the position; also as a rejection
   *   when the work is done off the main loop.
   */
  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows>;
}

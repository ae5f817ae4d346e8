import type { OutputStructure } from '../native/addon.js';
import type { BatchOutputs } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';

/** One named part of a request: a field of a form, a part of a multipart body. */
export interface RequestParameter {
  name: string;
  value: Uint8Array;
  /** Undefined for a plain field. */
  contentType: string | undefined;
}

/** A request as every protocol gives it to a handler. */
export interface HandlerRequest {
  body: Uint8Array;
  contentType: string | undefined;
  accept: string | undefined;
  /** The parts of a form; undefined when the body is the only parameter. The last of a name counts. */
  parameters: readonly RequestParameter[] | undefined;
  /** Names and values in turn, as the client wrote them. */
  rawHeaders: readonly string[];
  /** What follows the version in the path; undefined on routes that cannot have it. */
  urlPath: string | undefined;
  /** The client asks why and not what; undefined on routes that cannot ask. */
  explain: boolean | undefined;
  /** Stands in every line that is logged for the request. */
  id: string;
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
  /** HTTP status and reason phrase when the handler chooses them; 200 and an empty phrase else. */
  status?: { code: number; phrase: string };
}

/** Turns requests into rows and outputs into replies, for one model version. */
export interface Handler {
  /** What requests must hold, for people: `features: float32[n, 64]`. */
  readonly inputs: string;
  /** The row shape when every dimension is known before the first request. */
  readonly rowShape: readonly TensorSpec[] | undefined;
  /**
   * @throws {SconceError} INVALID_REQUEST naming the field and the position; also as a rejection
   *   when the work is done off the main loop.
   */
  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows>;
  /** Why outputs of this structure cannot be answered; undefined when they can. */
  outputProblem(structure: OutputStructure): string | undefined;
  /** What the model says of itself when it is asked to: an object that JSON can hold. */
  describe(): Record<string, unknown>;
}

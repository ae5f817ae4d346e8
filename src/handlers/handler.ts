import type { SconceError } from '../errors.js';
import type { OutputStructure } from '../native/addon.js';
import type { BatchOutputs } from '../tensors/batch-outputs.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import type { TensorPlan } from './tensor/tensor-plan.js';

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
  /**
   * The memory of the body, in which parameters may lie, is used for other requests from now on. Only
   * for the one who knows that nobody reads it any more; without a call it is garbage in the end.
   */
  releaseBody?: (() => void) | undefined;
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
  /** Milliseconds from its arrival within which the client wants the answer, where it says so. */
  timeout?: number | undefined;
  /** Stands in every line that is logged for the request. */
  id: string;
  /** Its rows, where another thread has prepared them as the model's handler would. */
  prepared?: PreparedRows;
}

/** A request turned into rows that are ready to be written. */
export interface PreparedRows {
  readonly rows: number;
  /** Names the row shape: requests with the same key may share a batch. */
  readonly key: string;
  readonly inputs: readonly TensorSpec[];
  /** As HandlerRequest.timeout, where the body says so. */
  readonly timeout?: number | undefined;
  /**
   * Copies the rows into place: all rows of input i to `target` from byte `offsets[i]`. Called in
   * the same turn in which preprocess() returned or resolved. Afterwards nothing of it reads the
   * body of the request.
   */
  store(target: Uint8Array, offsets: Float64Array): void;
  /** The reply's body from the rows' outputs. A promise when it is written off the main loop. */
  postprocess(outputs: BatchOutputs, firstRow: number): HandlerReply | Promise<HandlerReply>;
}

/** A reply as a handler gives it to every protocol. */
export interface HandlerReply {
  /**
   * Text of ASCII characters; or byte ranges, which may lie in the slab and are read until the reply
   * is written; or a stream of pieces, none of which changes once it is given. A protocol that does
   * not want the rest of a stream ends its iterator with return().
   */
  body: string | readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  contentType: string | undefined;
  headers: Record<string, string> | undefined;
  /** HTTP status and reason phrase when the handler chooses them; 200 and an empty phrase else. */
  status?: { code: number; phrase: string };
}

/** How a reply begins, with its body: V8 makes a hidden class for each object that is spread. */
export function replyWith<Body extends HandlerReply['body']>(
  {
    contentType,
    headers,
    status,
  }: Omit<HandlerReply, 'body' | 'status'> & { status?: HandlerReply['status'] | undefined },
  body: Body,
): HandlerReply & { body: Body } {
  const reply: HandlerReply & { body: Body } = { body, contentType, headers };
  if (status !== undefined) reply.status = status;
  return reply;
}

/** True for a body that comes in pieces. */
export function isStream(body: HandlerReply['body']): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && Symbol.asyncIterator in body;
}

/** What is asked of a model when an output is to be attributed to an input. */
export interface ExplanationRequest {
  /** Every input of `forward`: one row, without a batch dimension. */
  inputs: readonly { spec: TensorSpec; bytes: Uint8Array }[];
  /** Which of them is explained. One of integers is explained through the embedding it indexes. */
  input: number;
  /** Which of the flat outputs is followed. */
  output: number;
  /** Position in the output's row, flat. */
  target: number;
  /** Bytes of the input that stands for nothing; zeros unless given. */
  baseline?: Uint8Array;
  /** Points between the baseline and the input. */
  steps: number;
}

/** How much each element of an input adds to an output, by integrated gradients. */
export interface Attributions {
  /** Of one row; for an input of integers with the dimension of the embedding at the end. */
  dims: readonly number[];
  values: Float32Array;
}

/** Explains a model's outputs. */
export interface Explainer {
  /** @throws {SconceError} EXPLANATION_UNSUPPORTED, MODEL_FAILED, OUT_OF_MEMORY, as a rejection. */
  attribute(request: ExplanationRequest): Promise<Attributions>;
}

interface HandlerOfVersion {
  /** What requests must hold, for people: `features: float32[n, 64]`. */
  readonly inputs: string;
  /** The row shape when every dimension is known before the first request. */
  readonly rowShape: readonly TensorSpec[] | undefined;
  /** Why outputs of this structure cannot be answered; undefined when they can. */
  outputProblem(structure: OutputStructure): string | undefined;
  /** What the model says of itself when it is asked to: an object that JSON can hold. */
  describe(): Record<string, unknown> | Promise<Record<string, unknown>>;
}

/** A handler on the main loop: turns requests into rows and outputs into replies. */
export interface RowHandler extends HandlerOfVersion {
  readonly kind: 'rows';
  /**
   * @throws {SconceError} INVALID_REQUEST naming the field and the position; also as a rejection
   *   when the work is done off the main loop.
   */
  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows>;
  /** The model's tensors where requests and replies are nothing else: envelopes read them themselves. */
  readonly tensorPlan?: TensorPlan;
  /** Answers a request that asks why; without it such requests get EXPLANATION_UNSUPPORTED. */
  explain?(request: HandlerRequest, explainer: Explainer): Promise<HandlerReply>;
}

/** Rows of a request in a slab, or on their way to one. */
export interface PlacedRows {
  /** Memory of the slab, and the byte offset of the first row of each input. */
  readonly memory: Uint8Array;
  readonly offsets: readonly number[];
  /** Runs them, once they are written; nothing may be written afterwards. */
  run(): Promise<RowOutputs>;
  /** Gives them up, written or not. */
  discard(): void;
}

/** The outputs of a request's rows; release() gives the memory back, and is called once. */
export interface RowOutputs {
  readonly outputs: BatchOutputs;
  readonly firstRow: number;
  readonly rows: number;
}

/** One request in the hands of a handler that runs elsewhere. */
export interface Exchange extends Explainer {
  readonly request: HandlerRequest;
  /** When it must be answered, in performance.now() milliseconds. */
  readonly deadline: number;
  /** True when nobody waits for the answer any more. */
  readonly over: boolean;
  /** Calls the listener when that becomes so without reply() or fail(): hung up, or too late. */
  onOver(listener: () => void): void;
  /**
   * Rows in a slab, to be written in place by any thread. Only with a rowShape. A batch does not
   * wait long for them: rows that are written later go with a later batch.
   *
   * @throws {SconceError} as Assembler.reserve()
   */
  reserve(rows: number): PlacedRows;
  /** Runs rows that lie elsewhere: they are copied into a slab by `store`, as PreparedRows. */
  run(rows: Pick<PreparedRows, 'rows' | 'key' | 'inputs' | 'store'>): Promise<RowOutputs>;
  /** Exactly one of the two ends the exchange. */
  reply(reply: HandlerReply): void;
  fail(error: SconceError): void;
}

/** A handler whose code runs on threads of its own. */
export interface RequestHandler extends HandlerOfVersion {
  readonly kind: 'requests';
  /** Requests that no thread has taken yet. */
  readonly queued: number;
  /** Why no thread runs, while none does. */
  readonly failure: SconceError | undefined;
  /** Since when that is so, in performance.now() milliseconds. */
  readonly failingSince: number | undefined;
  /** Resolves when it can take requests; rejects with a SconceError when it cannot be initialized. */
  start(): Promise<void>;
  /** Answers through the exchange; never throws. */
  handle(exchange: Exchange): void;
  /** Ends its threads, after the last exchange has ended. */
  close(): Promise<void>;
}

export type Handler = RowHandler | RequestHandler;

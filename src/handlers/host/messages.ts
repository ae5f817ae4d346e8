import type { CustomMetric, CustomMetrics } from '../../metrics/custom-metrics.js';
import type { Dtype } from '../../native/dtype.js';
import type { OutputSignature } from '../../tensors/batch-outputs.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type { Failure } from './failure.js';

/**
 * What the main loop and a handler's thread say to each other. Each side gathers what it has to say
 * and sends one message for each turn of its event loop; bytes travel in buffers that are moved.
 * Nothing here is copied but numbers and text.
 */

/** A range of one of the buffers that came with the same message. */
export interface Range {
  buffer: number;
  offset: number;
  length: number;
}

/** A range of shared memory that the thread was told of under a number. */
export interface MemoryRange {
  memory: number;
  offset: number;
  length: number;
}

/** Bytes that came with a message, or that lie in memory which the other side was told of. */
export type BytesMessage = Range | MemoryRange;

/** What messages of both directions may carry. */
export interface Gathered {
  bytes?: ArrayBuffer[];
  memories?: { id: number; memory: SharedArrayBuffer }[];
  /** Memories that are gone. */
  forget?: number[];
}

/** Memory for the only row of a request, in a slab. */
export interface Place {
  memory: number;
  /** Byte offset of the row of each input. */
  offsets: number[];
}

/** A part of a form. */
export interface PartMessage {
  name: string;
  contentType: string | undefined;
  bytes: BytesMessage;
}

/** What a client has sent. */
export interface ContentMessage {
  id: string;
  body: BytesMessage;
  contentType: string | undefined;
  accept: string | undefined;
  parameters: PartMessage[] | undefined;
  /** Names and values in turn, each with a line feed at its end, which headers cannot have. */
  headers: string;
  urlPath: string | undefined;
  explain: boolean | undefined;
}

/** A request for the handler; what of it lies in shared memory does so until it is done. */
export interface RequestMessage extends ContentMessage {
  /** Unique for the thread. */
  number: number;
  /** Its word in the table of requests that were begun. */
  slot: number;
  place: Place | undefined;
}

/** Outputs of rows that were run. */
export interface OutputsMessage {
  /** Id of a signature that the thread was told of. */
  signature: number;
  block: MemoryRange | Uint8Array;
  batchRows: number;
  firstRow: number;
  rows: number;
}

/** What the thread has asked for, by the number of its call. */
export interface AnswerMessage {
  call: number;
  failure?: Failure;
  outputs?: OutputsMessage;
  place?: Place;
  attributions?: { dims: readonly number[]; values: Float32Array };
}

/** From the main loop. */
export interface HostOrders extends Gathered {
  signatures?: OutputSignature[];
  requests?: RequestMessage[];
  answers?: AnswerMessage[];
  /** Requests that nobody waits for any more. */
  cancelled?: number[];
  /** So many more chunks of a stream may be sent. */
  credits?: { number: number; chunks: number }[];
  /** To be answered with the same number. */
  ping?: number;
  /** No request comes any more. */
  close?: boolean;
}

/** Tensors on their way to the model, in the order of its inputs. */
export interface TensorsMessage {
  rows: number;
  inputs: { dtype: Dtype; dims: number[]; bytes: Range }[];
}

/** How a reply begins. */
export interface ReplyHead {
  contentType: string | undefined;
  headers: Record<string, string> | undefined;
  status: { code: number; phrase: string } | undefined;
}

/** What the word of a request says, beside 0. */
export const requestWord = {
  /** The handler has begun with it. */
  begun: 1,
  /** It is another thread's. */
  taken: 2,
} as const;

export type HostEvent =
  /** Asks for a row in a slab. */
  | { kind: 'reserve'; number: number; call: number }
  /** The row in the slab is written: run it. */
  | { kind: 'runPlaced'; number: number; call: number }
  | { kind: 'run'; number: number; call: number; tensors: TensorsMessage }
  | { kind: 'explain'; number: number; call: number; request: ExplainMessage }
  | { kind: 'reply'; number: number; head: ReplyHead; body: string | Range }
  | { kind: 'stream'; number: number; head: ReplyHead }
  | { kind: 'chunk'; number: number; bytes: Range }
  /** The stream has all its chunks. */
  | { kind: 'end'; number: number }
  | { kind: 'failed'; number: number; failure: Failure }
  /** Nothing of the request is left in the thread; the last event of each. */
  | { kind: 'done'; number: number };

export interface ExplainMessage {
  inputs: { spec: TensorSpec; bytes: Range }[];
  input: number;
  output: number;
  target: number;
  baseline: Range | undefined;
  steps: number;
}

/** A line that the handler printed. */
export interface PrintedLine {
  level: 'info' | 'warn';
  text: string;
}

/** A call of the handler's metrics: the method with its arguments, and for whom. */
export interface MetricMessage {
  /** The request's id; empty outside a request. */
  request: string;
  call: MetricCall;
}

type AddMethod = 'addMetric' | 'addCounter' | 'addTime' | 'addSize' | 'addPercent' | 'addError';

type CallOf<Method extends keyof CustomMetrics, More = unknown> = More & {
  method: Method;
  given: Parameters<CustomMetrics[Method]>;
};

/** A metric that a handler has made is known by a number of its thread. */
export type MetricCall =
  | { [Method in AddMethod]: CallOf<Method> }[AddMethod]
  | CallOf<'addMetricToCache', { metric: number }>
  | CallOf<'getMetric', { metric: number }>
  | { method: 'addOrUpdate'; metric: number; given: Parameters<CustomMetric['addOrUpdate']> };

/** What a handler says of itself once it is initialized. */
export interface ReadyMessage {
  description: Record<string, unknown>;
  /** True when its preprocess is no async function: it fills its row at once. */
  fillsAtOnce: boolean;
  /** The row shape that its class declares. */
  rowShape: readonly TensorSpec[] | undefined;
}

/** From a handler's thread. */
export interface HostReport {
  bytes?: ArrayBuffer[];
  ready?: ReadyMessage;
  /** It could not be initialized. */
  refused?: Failure;
  events?: HostEvent[];
  printed?: PrintedLine[];
  /** Lines that were printed faster than they are taken. */
  dropped?: number;
  metrics?: MetricMessage[];
  /** The number of the last ping, and the bytes that the thread uses. */
  pong?: { ping: number; bytes: number };
}

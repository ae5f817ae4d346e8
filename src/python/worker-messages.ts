/** One request of a batch, as a handler will see it: headers, and parameters by name. */
export interface WorkerRequest {
  id: string;
  headers: readonly [name: string, value: string][];
  parameters: readonly WorkerParameter[];
}

export interface WorkerParameter {
  name: string;
  /** The worker parses `application/json` and decodes what begins with `text`. */
  contentType: string | undefined;
  value: Uint8Array;
}

/** What a handler answers to one request, or, while it streams, a part of it. */
export interface WorkerReply {
  requestId: string;
  contentType: string | undefined;
  /** Whatever number the handler has chosen. */
  status: number;
  phrase: string;
  headers: readonly [name: string, value: string][];
  /** Empty when it was too large. */
  body: Uint8Array;
  /** The body had more bytes than maxResponseSize and was thrown away: RESPONSE_TOO_LARGE. */
  tooLarge: boolean;
}

/** One message of the worker: the whole batch, or with streaming a part of it. */
export interface WorkerResponse {
  /** 200, or what has happened to the whole batch. */
  code: number;
  message: string;
  replies: WorkerReply[];
}

/** The response header with which a handler says `true` when more follows. */
export const streamHeader = 'ts_stream_next';

/** True when the worker will send more for this request. */
export function isContinued(reply: WorkerReply): boolean {
  return reply.headers.some(([name, value]) => name === streamHeader && value === 'true');
}

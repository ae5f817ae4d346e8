import type { HandlerReply } from '../handlers/handler.js';
import { eventStreamType } from './event-stream.js';
import type { HttpReply } from './http-exchange.js';
import { completeHeaders, hasHeader } from './response.js';

/** A reply whose body comes in pieces. */
export interface StreamingReply extends HandlerReply {
  body: AsyncIterable<Uint8Array>;
}

/** TorchServe's success has an empty reason phrase. */
export const plainStatus = { code: 200, phrase: '' };

/** Headers that say how long the body is and how it ends, which is not for a handler to say. */
const framing: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
]);

/** TorchServe's mark of a reply that goes on; its clients see it in the head. */
const streamMark = 'ts_stream_next';

/** The type that the handler names. */
export function contentTypeOf({ contentType, headers = {} }: StreamingReply): string | undefined {
  const named = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type');
  return (contentType ?? named?.[1])?.trim().toLowerCase();
}

/** False for a status whose responses have no body. */
export function mayHaveBody({ status = plainStatus }: StreamingReply): boolean {
  return status.code !== 204 && status.code !== 304;
}

/**
 * The head of a reply whose length nobody knows.
 *
 * @param framed whether its pieces are sent as server-sent events
 */
export function streamHead(
  response: HttpReply,
  reply: StreamingReply,
  framed: boolean,
): { code: number; phrase: string; headers: string[] } {
  const { raw, request } = response;
  const { code, phrase } = reply.status ?? plainStatus;
  const headers = Object.entries(reply.headers ?? {})
    .filter(([name]) => !framing.has(name.toLowerCase()))
    .flat();
  const type = reply.contentType ?? (framed ? eventStreamType : undefined);
  if (type !== undefined) headers.push('content-type', type);
  if (!hasHeader(headers, streamMark)) headers.push(streamMark, 'true');
  // A client of HTTP/1.0 knows no chunks: for it the body ends with the connection.
  const knowsChunks = request.raw.httpVersionMinor > 0;
  if (!knowsChunks) raw.shouldKeepAlive = false;
  const connection = completeHeaders(response, code, headers);
  if (knowsChunks && mayHaveBody(reply)) headers.push('transfer-encoding', 'chunked');
  headers.push('connection', connection);
  return { code, phrase, headers };
}

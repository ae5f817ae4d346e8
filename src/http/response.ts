import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { ErrorCode, SconceError } from '../errors.js';
import { connectionHeader, type HttpContext } from './http-context.js';
import type { HttpReply } from './http-exchange.js';

/** Characters from which on Node would copy a text once more, to join it to the head. */
const longText = 16 * 1024;

/** Milliseconds that the rest of a request is read, when it is answered before its end. */
const longestRest = 1000;

/**
 * The headers that TorchServe puts on every response: names and values in turn.
 *
 * @param cors names and values that stand among them
 */
export function commonHeaderList(requestId: string, cors: HttpContext['cors'] = []): string[] {
  const headers: string[] = [];
  pushCommon(headers, requestId, cors);
  return headers;
}

/** Adds them to others. */
function pushCommon(headers: string[], requestId: string, cors: HttpContext['cors']): void {
  headers.push('x-request-id', requestId);
  for (const [name, value] of cors) headers.push(name, value);
  headers.push('Pragma', 'no-cache');
  headers.push('Cache-Control', 'no-cache; no-store, must-revalidate, private');
  headers.push('Expires', 'Thu, 01 Jan 1970 00:00:00 UTC');
}

/** A response as it is written. */
export interface Response {
  status: number;
  /** The usual one by default. */
  phrase?: string;
  /** Names and values in turn, before those of every response. */
  headers: string[];
  /** Of text each character is one byte: ASCII, or Latin-1. */
  body: string | Buffer;
  /** Without the headers of every response, but for those of CORS; neither counted nor logged. */
  bare?: boolean;
}

/**
 * Writes a response past Fastify, which would change the letter case of header names, and insists
 * on a content type and a reason phrase. Counts and logs it, unless it is bare.
 *
 * @param since when the request arrived, in performance.now() milliseconds, where that is known
 */
export function respond(reply: HttpReply, response: Response, since?: number): void {
  const { status, phrase = STATUS_CODES[status] ?? '', headers, body, bare } = response;
  const { raw } = reply;
  reply.hijack();
  raw.sendDate = false;
  const connection = completeHeaders(reply, status, headers, bare);
  headers.push('content-length', String(body.length), 'connection', connection);
  raw.writeHead(status, phrase, headers);
  if (connection === 'close' && !reply.request.raw.complete) {
    endBehindRequest(reply.request.raw, raw, body);
  } else {
    endWith(raw, body);
  }
  if (!bare) reply.server.httpContext.observer.responded(reply, status, since);
}

/**
 * Adds what every response has to its headers.
 *
 * @param bare whether that is CORS alone
 * @returns the value of the connection header, which is not among them
 */
export function completeHeaders(
  reply: HttpReply,
  status: number,
  headers: string[],
  bare = false,
): string {
  const { httpContext: context } = reply.server;
  const cors =
    context.cors.length === 0
      ? context.cors
      : context.cors.filter(([name]) => !hasHeader(headers, name));
  if (bare) headers.push(...cors.flat());
  else pushCommon(headers, reply.request.id, cors);
  return connectionHeader(context, status, reply.raw.shouldKeepAlive);
}

/**
 * Ends a response with its body. Node's end() sends an empty piece behind the body, for which two
 * buffers are gathered; a body that is sent before it goes out with the head as one.
 */
function endWith(response: ServerResponse, body: string | Buffer): void {
  const { socket } = response;
  // Of what a destroyed connection does not take, end() without a body would tell as of what was
  // sent: Node ends the process when that is not the response whose turn it is.
  if (socket === null || !socket.writable || body.length === 0) {
    response.end(body, 'latin1');
    return;
  }
  const isLong = typeof body === 'string' && body.length >= longText;
  socket.cork();
  response.write(isLong ? Buffer.from(body, 'latin1') : body, 'latin1');
  socket.uncork();
  response.end();
}

/**
 * Ends a response whose request is still on its way: a connection that is closed meanwhile is reset,
 * and the client, which is busy sending, might never see the answer.
 */
function endBehindRequest(
  request: IncomingMessage,
  response: ServerResponse,
  body: string | Buffer,
): void {
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, longestRest);
  timer.unref();
  request.once('end', end);
  request.once('close', end);
  request.resume();
  if (body.length === 0) response.flushHeaders();
  else response.write(body, 'latin1');
}

/** Whether a header is among names and values in turn; its name is given in lower case. */
export function hasHeader(headers: readonly string[], wanted: string): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === wanted);
}

/**
 * A whole response as text, for sockets that have no request to answer. The connection ends with it.
 *
 * @param status with its reason phrase
 * @param headers names and values in turn
 */
export function rawResponse(status: string, headers: readonly string[], body: string): string {
  const all = [
    ...headers,
    'content-length',
    String(Buffer.byteLength(body)),
    'connection',
    'close',
  ];
  const lines = [`HTTP/1.1 ${status}`];
  for (let i = 0; i < all.length; i += 2) lines.push(`${all[i]}: ${all[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** A body as TorchServe's JSON writer lays it out: indented by two, with a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function sendJson(reply: HttpReply, status: number, value: unknown): void {
  sendBody(reply, status, 'application/json', jsonText(value));
}

/** A body with the headers that every response has, in TorchServe's order. */
export function sendBody(
  reply: HttpReply,
  status: number,
  contentType: string,
  body: string,
): void {
  respond(reply, { status, headers: ['content-type', contentType], body: Buffer.from(body) });
}

/** The body of every error. `reason` is ours, and stands only where TorchServe's message hides it. */
export function errorBody(error: SconceError): {
  code: number;
  type: string;
  message: string;
  reason?: string;
} {
  return {
    code: error.status,
    type: error.type,
    message: error.message,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
  };
}

/** Seconds after which a client that was refused for want of capacity may try again. */
const retryAfter = 1;

const capacityCodes: ReadonlySet<ErrorCode> = new Set([
  'NO_CAPACITY',
  'NO_CAPACITY_VERSION',
  'MEMORY_FULL',
  'BODIES_FULL',
  'BACKLOG_TOO_LONG',
]);

/** The reason phrase of 413 before it was renamed. */
const tooLarge = 'Request Entity Too Large';

/** An error's response. */
export function sendError(reply: HttpReply, error: SconceError): void {
  const { status } = error;
  // TorchServe answers an oversized body with nothing but the status, and keeps no account of it.
  if (error.code === 'BODY_TOO_LARGE') {
    respond(reply, { status, phrase: tooLarge, headers: [], body: '', bare: true });
    return;
  }
  const headers = ['content-type', 'application/json'];
  if (capacityCodes.has(error.code)) {
    headers.push('retry-after', String(error.secondsToRetry ?? retryAfter));
  }
  respond(reply, { status, headers, body: Buffer.from(jsonText(errorBody(error))) });
}

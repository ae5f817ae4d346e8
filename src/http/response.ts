import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { ErrorCode, SconceError } from '../errors.js';
import { connectionHeader, type HttpContext } from './http-context.js';

/** What a client may send as an id: it stands in logs and comes back in a header. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** Milliseconds that the rest of a request is read, when it is answered before its end. */
const longestRest = 1000;

/** The id of a request: the client's x-request-id, or a fresh one. */
export function createRequestId(request?: IncomingMessage): string {
  const given = request?.headers['x-request-id'];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
}

/**
 * The headers that TorchServe puts on every response: names and values in turn.
 *
 * @param cors names and values that stand among them
 */
export function commonHeaderList(requestId: string, cors: HttpContext['cors'] = []): string[] {
  return [
    'x-request-id',
    requestId,
    ...cors.flat(),
    'Pragma',
    'no-cache',
    'Cache-Control',
    'no-cache; no-store, must-revalidate, private',
    'Expires',
    'Thu, 01 Jan 1970 00:00:00 UTC',
  ];
}

/** A response as it is written. */
export interface Response {
  status: number;
  /** The usual one by default. */
  phrase?: string;
  /** Names and values in turn, before those of every response. */
  headers: string[];
  /** Text is ASCII. */
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
export function respond(reply: FastifyReply, response: Response, since?: number): void {
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
    raw.end(body, 'latin1');
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
  reply: FastifyReply,
  status: number,
  headers: string[],
  bare = false,
): string {
  const { httpContext: context } = reply.server;
  const cors =
    context.cors.length === 0
      ? context.cors
      : context.cors.filter(([name]) => !hasHeader(headers, name));
  headers.push(...(bare ? cors.flat() : commonHeaderList(reply.request.id, cors)));
  return connectionHeader(context, status, reply.raw.shouldKeepAlive);
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

export function sendJson(reply: FastifyReply, status: number, value: unknown): void {
  sendBody(reply, status, 'application/json', jsonText(value));
}

/** A body with the headers that every response has, in TorchServe's order. */
export function sendBody(
  reply: FastifyReply,
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
const retryAfter = '1';

const capacityCodes: ReadonlySet<ErrorCode> = new Set([
  'NO_CAPACITY',
  'NO_CAPACITY_VERSION',
  'MEMORY_FULL',
  'BODIES_FULL',
]);

/** The reason phrase of 413 before it was renamed. */
const tooLarge = 'Request Entity Too Large';

/** An error's response. */
export function sendError(reply: FastifyReply, error: SconceError): void {
  const { status } = error;
  // TorchServe answers an oversized body with nothing but the status, and keeps no account of it.
  if (error.code === 'BODY_TOO_LARGE') {
    respond(reply, { status, phrase: tooLarge, headers: [], body: '', bare: true });
    return;
  }
  const headers = ['content-type', 'application/json'];
  if (capacityCodes.has(error.code)) headers.push('retry-after', retryAfter);
  respond(reply, { status, headers, body: Buffer.from(jsonText(errorBody(error))) });
}

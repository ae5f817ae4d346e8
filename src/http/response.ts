import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { ErrorCode, SconceError } from '../errors.js';
import { connectionHeader } from './http-context.js';

/** What a client may send as an id: it stands in logs and comes back in a header. */
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** The id of a request: the client's x-request-id, or a fresh one. */
export function createRequestId(request?: IncomingMessage): string {
  const given = request?.headers['x-request-id'];
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
}

/** The headers that TorchServe puts on every response: names and values in turn. */
export function commonHeaderList(requestId: string): string[] {
  return [
    'x-request-id',
    requestId,
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
  /** Names and values in turn, besides those that every response ends with. */
  headers: string[];
  /** Text is ASCII. */
  body: string | Buffer;
}

/**
 * Writes a response past Fastify, which would change the letter case of header names, and insists
 * on a content type and a reason phrase. Counts and logs it.
 *
 * @param milliseconds since the request arrived, where somebody has measured it
 */
export function respond(reply: FastifyReply, response: Response, milliseconds?: number): void {
  const { status, phrase = STATUS_CODES[status] ?? '', headers, body } = response;
  const { raw } = reply;
  const { httpContext: context } = reply.server;
  reply.hijack();
  raw.sendDate = false;
  const connection = connectionHeader(context, status, raw.shouldKeepAlive);
  headers.push('content-length', String(body.length), 'connection', connection);
  raw.writeHead(status, phrase, headers);
  raw.end(body, 'latin1');
  context.observer.responded(reply.request, status, milliseconds ?? reply.elapsedTime);
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
  const headers = ['content-type', contentType, ...commonHeaderList(reply.request.id)];
  respond(reply, { status, headers, body: Buffer.from(body) });
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
]);

/** An error's response. */
export function sendError(reply: FastifyReply, error: SconceError): void {
  const { status } = error;
  // TorchServe answers an oversized body with nothing but the status.
  if (error.code === 'BODY_TOO_LARGE') {
    respond(reply, { status, headers: [], body: '' });
    return;
  }
  const headers = ['content-type', 'application/json', ...commonHeaderList(reply.request.id)];
  if (capacityCodes.has(error.code)) headers.push('retry-after', retryAfter);
  respond(reply, { status, headers, body: Buffer.from(jsonText(errorBody(error))) });
}

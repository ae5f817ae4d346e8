import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { SconceError } from '../errors.js';

/** A fresh id for every request; what the client sent as x-request-id is not used. */
export function createRequestId(): string {
  return randomUUID();
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

/** The same as an object. */
export function commonHeaders(requestId: string): Record<string, string> {
  const list = commonHeaderList(requestId);
  const headers: Record<string, string> = {};
  for (let i = 0; i < list.length; i += 2) headers[list[i] ?? ''] = list[i + 1] ?? '';
  return headers;
}

/** A body as TorchServe's JSON writer lays it out: indented by two, with a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function sendJson(reply: FastifyReply, status: number, value: unknown): FastifyReply {
  return (
    reply
      .code(status)
      .header('content-type', 'application/json')
      .headers(commonHeaders(reply.request.id))
      // As bytes: Fastify would add a charset to the content type of a string.
      .send(Buffer.from(jsonText(value)))
  );
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

/** An error's response. The connection ends with it, as TorchServe's does. */
export function sendError(reply: FastifyReply, error: SconceError): FastifyReply {
  reply.header('connection', 'close');
  // TorchServe answers an oversized body with nothing but the status.
  if (error.code === 'BODY_TOO_LARGE') {
    return reply.code(error.status).header('content-length', '0').send();
  }
  return sendJson(reply, error.status, errorBody(error));
}

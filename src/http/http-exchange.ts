import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { HttpContext } from './http-context.js';

/** What answering needs of a request: Fastify's has it, and so has one that passed its router by. */
export interface HttpRequest {
  readonly raw: IncomingMessage;
  readonly id: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The URL as the client wrote it. */
  readonly originalUrl: string;
  readonly body?: unknown;
}

/** The same of its response. */
export interface HttpReply {
  readonly raw: ServerResponse;
  readonly request: HttpRequest;
  readonly server: { readonly httpContext: HttpContext };
  /** Milliseconds since the request arrived. */
  readonly elapsedTime: number;
  /** Somebody else writes the response: Fastify is to leave it alone. */
  hijack(): unknown;
}

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { HttpContext } from './http-context.js';
import type { HttpReply, HttpRequest } from './http-exchange.js';
import { createRequestId } from './request-id.js';

/** A request that passes Fastify's router by. */
export class DirectRequest implements HttpRequest {
  readonly id: string;

  constructor(
    readonly raw: IncomingMessage,
    readonly body: Uint8Array,
  ) {
    this.id = createRequestId(raw);
  }

  get method(): string {
    return this.raw.method ?? '';
  }

  get headers(): IncomingHttpHeaders {
    return this.raw.headers;
  }

  get originalUrl(): string {
    return this.raw.url ?? '';
  }
}

/** Its response. */
export class DirectReply implements HttpReply {
  readonly #since = performance.now();

  constructor(
    readonly raw: ServerResponse,
    readonly request: DirectRequest,
    readonly server: { readonly httpContext: HttpContext },
  ) {}

  get elapsedTime(): number {
    return performance.now() - this.#since;
  }

  /** Nobody else would write it. */
  hijack(): void {}
}

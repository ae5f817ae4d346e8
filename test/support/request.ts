import type { HandlerRequest } from '../../src/handlers/handler.js';

/** A request with this body, as a protocol would give it to a handler. */
export function handlerRequest(body: string, given: Partial<HandlerRequest> = {}): HandlerRequest {
  return {
    body: Buffer.from(body),
    contentType: undefined,
    accept: undefined,
    parameters: undefined,
    rawHeaders: [],
    urlPath: undefined,
    explain: undefined,
    id: 'test',
    ...given,
  };
}

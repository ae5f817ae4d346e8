import { SconceError } from '../errors.js';
import type { HandlerRequest } from './handler.js';

/** Names under which a form carries what would else be the body, in the order of preference. */
const payloadNames = ['data', 'body'];

const formType = 'application/x-www-form-urlencoded';

/** Input bytes with their media type. */
export interface Payload {
  body: Uint8Array;
  contentType: string | undefined;
}

/**
 * What holds the input: the body, or the part of a form that TorchServe's handlers look for.
 *
 * @throws {SconceError} INVALID_REQUEST naming the parameters that came.
 */
export function payloadOf(request: HandlerRequest): Payload {
  const { parameters } = request;
  if (parameters === undefined) return request;
  for (const name of payloadNames) {
    const found = parameters.findLast((parameter) => parameter.name === name);
    if (found !== undefined) return { body: found.value, contentType: found.contentType };
  }
  // `curl -d` names this type for whatever it sends.
  if (request.contentType?.startsWith(formType)) {
    return { body: request.body, contentType: undefined };
  }
  const came = [...new Set(parameters.map(({ name }) => JSON.stringify(name)))].join(', ');
  throw new SconceError(
    'INVALID_REQUEST',
    `a form carries the input in the field ${payloadNames.join(' or ')}; it has ${came || 'no field'}`,
  );
}

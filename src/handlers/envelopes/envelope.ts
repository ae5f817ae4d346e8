import { errorCodeOf, messageOf, SconceError } from '../../errors.js';
import type { HandlerRequest } from '../handler.js';

/** Which model a reply is from. */
export interface ModelIdentity {
  modelName: string;
  modelVersion: string;
}

/** What an envelope held. */
export interface OpenedEnvelope {
  /** The member of the body that the requests were elements of, for messages. */
  readonly member: string;
  /** One for each instance, as a client without an envelope would send it; at least one. */
  readonly requests: readonly HandlerRequest[];
  /** As HandlerRequest.timeout, where the envelope says so. */
  readonly timeout?: number | undefined;
  /**
   * The body of the reply, ASCII.
   *
   * @param results of each of the requests the result as JSON, laid out as Python's
   *   json.dumps(result, indent=2) does; text is JSON too, with its quotes
   */
  format(results: readonly string[]): string;
}

/**
 * A form of JSON bodies that holds what a handler without one would get as bodies of their own, and
 * a form of replies. Knows no protocol and keeps nothing: usable on any thread.
 */
export interface Envelope {
  /** @throws {SconceError} INVALID_REQUEST naming the member that is missing or wrong */
  open(request: HandlerRequest, model: ModelIdentity): OpenedEnvelope;
}

/** What one of the requests was refused with, naming it; any other error as it is. */
export function inMember({ member }: OpenedEnvelope, index: number, error: unknown): unknown {
  if (errorCodeOf(error) !== 'INVALID_REQUEST') return error;
  return new SconceError('INVALID_REQUEST', `${member}[${index}]: ${messageOf(error)}`);
}

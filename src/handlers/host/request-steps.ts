import { SconceError } from '../../errors.js';
import type { BaseHandler } from '../api/base-handler.js';
import type { Outputs } from '../api/outputs.js';
import type { ServedRequest } from './served-request.js';

/**
 * Runs the steps of a handler for a request. Only promises are waited for: what answers at once does
 * so in the same turn.
 *
 * @returns the reply, or a generator of its chunks
 */
export async function runSteps(handler: BaseHandler, request: ServedRequest): Promise<unknown> {
  const { input } = request;
  if (input.explain) return handler.explain(input, request);
  const prepared = handler.preprocess(input, request);
  const inputs = isPromise(prepared) ? await prepared : prepared;
  const outputs: Outputs | undefined = await handler.inference(inputs ?? undefined, request);
  if (outputs === undefined) {
    throw new SconceError('HANDLER_FAILED').because(
      'inference returned nothing; return what context.model.run() resolves to, or Outputs.of() tensors',
    );
  }
  return handler.postprocess(outputs, input, request);
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** True for what a generator method returns. */
export function isChunks(value: unknown): value is AsyncGenerator<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.asyncIterator in value &&
    'next' in value &&
    typeof value.next === 'function'
  );
}

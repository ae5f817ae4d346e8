import { SconceError } from '../../errors.js';
import { decidedHeaders } from '../../handlers/decided-headers.js';
import type { HandlerReply } from '../../handlers/handler.js';
import type { WorkerReply, WorkerResponse } from '../../python/worker-messages.js';

/** What a worker says of a batch that went well. */
const fine = 200;

/** What has happened to a whole batch; undefined when its requests have replies. */
export function batchError({ code, message }: WorkerResponse): SconceError | undefined {
  if (code === fine) return undefined;
  if (code === 503 && message === 'Prediction failed') return new SconceError('HANDLER_FAILED');
  return new SconceError('PREDICTION_ERROR', message).withStatus(statusOf(code));
}

/**
 * The answer to one request, with its body in one piece unless another is given.
 *
 * @param maxResponseSize for the message to whoever gets none
 */
export function handlerReply(
  reply: WorkerReply,
  maxResponseSize: number,
  body: HandlerReply['body'] = [reply.body],
): HandlerReply | SconceError {
  if (reply.tooLarge) return new SconceError('RESPONSE_TOO_LARGE', maxResponseSize);
  const headers = reply.headers.filter(([name]) => !decidedHeaders.has(name.toLowerCase()));
  const isPlain = reply.status === fine && reply.phrase === '';
  return {
    body,
    contentType: reply.contentType,
    headers: headers.length === 0 ? undefined : Object.fromEntries(headers),
    ...(isPlain ? {} : { status: { code: statusOf(reply.status), phrase: reply.phrase } }),
  };
}

/** Whatever a handler calls a status: what HTTP cannot have as a last answer is a failure. */
function statusOf(code: number): number {
  return Number.isInteger(code) && code >= 200 && code <= 999 ? code : 500;
}

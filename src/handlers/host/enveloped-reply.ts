import { SconceError } from '../../errors.js';
import { replyJson } from '../api/reply-json.js';
import { inMember, type OpenedEnvelope } from '../envelopes/envelope.js';
import type { ReplyHead } from './messages.js';
import type { ServedRequest } from './served-request.js';

/** What a handler has answered to each of the requests in an envelope, or has thrown. */
export type Settled = readonly PromiseSettledResult<unknown>[];

/**
 * The reply to an envelope as text.
 *
 * @throws what the handler has thrown first, naming the request; {SconceError} INVALID_OUTPUT for
 *   bytes and streams, which JSON cannot hold.
 */
export function writeEnvelope(opened: OpenedEnvelope, settled: Settled): string {
  const results = settled.map((result, i) => {
    if (result.status === 'rejected') throw inMember(opened, i, result.reason);
    return jsonOf(result.value);
  });
  return opened.format(results);
}

/** What handlers have said of their replies: of each the first that was said. */
export function headOf(requests: readonly ServedRequest[]): ReplyHead {
  const heads = requests.map(({ head }) => head);
  return {
    contentType: heads.find(({ contentType }) => contentType !== undefined)?.contentType,
    headers: heads.find(({ headers }) => headers !== undefined)?.headers,
    status: heads.find(({ status }) => status !== undefined)?.status,
  };
}

function jsonOf(reply: unknown): string {
  const isBytes = reply instanceof Uint8Array;
  const isStream = typeof reply === 'object' && reply !== null && Symbol.asyncIterator in reply;
  if (!isBytes && !isStream) return replyJson(reply);
  throw new SconceError(
    'INVALID_OUTPUT',
    `Unsupported model output data type: an envelope holds JSON, and the handler has answered with ${isBytes ? 'bytes' : 'a stream'}`,
  );
}

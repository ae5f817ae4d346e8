import { SconceError } from '../../errors.js';
import { replyJson } from '../api/reply-json.js';

const ascii = /^[\0-\x7f]*$/;

/**
 * The body of a reply: text of ASCII characters, or bytes.
 *
 * @throws {SconceError} INVALID_OUTPUT for what JSON cannot hold.
 */
export function writeReply(reply: unknown): string | Uint8Array {
  if (reply instanceof Uint8Array) return reply;
  if (typeof reply !== 'string') return replyJson(reply);
  return ascii.test(reply) ? reply : Buffer.from(reply);
}

/** The bytes of a piece of a stream. */
export function writeChunk(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new SconceError(
    'INVALID_OUTPUT',
    `a chunk of a stream is text or bytes; the handler yielded ${chunk === null ? 'null' : typeof chunk}`,
  );
}

import { messageOf, SconceError } from '../errors.js';
import type { FetchOptions, Incoming } from './fetch-options.js';

/** DOWNLOAD_FAILED with a reason. */
export function downloadFailed(url: string, reason: string): SconceError {
  return new SconceError('DOWNLOAD_FAILED', url).because(reason);
}

/**
 * Passes on the bytes of a file that is fetched, counted.
 *
 * @param total bytes there are; undefined when that is not known
 * @throws {SconceError} DOWNLOAD_FAILED when there are too many, at once if `total` says so, or when
 *   the source fails.
 * @throws the signal's reason when it is aborted.
 */
export async function* incomingBytes(
  source: AsyncIterable<Uint8Array>,
  total: number | undefined,
  options: FetchOptions & Incoming,
): AsyncGenerator<Uint8Array> {
  const { url, maxBytes, signal, onProgress } = options;
  const tooLarge = downloadFailed(url, `it has more than ${maxBytes} bytes`);
  if (total !== undefined && total > maxBytes) throw tooLarge;
  let bytes = 0;
  for await (const piece of pieces(source, url)) {
    signal?.throwIfAborted();
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge;
    onProgress?.(bytes, total);
    yield piece;
  }
}

async function* pieces(source: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw downloadFailed(url, reasonOf(error));
  }
}

/** `fetch` tells why in the cause of its errors. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return messageOf(error);
  if (cause.message !== '') return cause.message;
  // One of several addresses, none of which answered.
  return 'code' in cause ? String(cause.code) : messageOf(error);
}

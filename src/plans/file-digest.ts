import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Bytes that are digested at a time: a fraction of a millisecond of the main loop. */
const pieceBytes = 1 << 18;

/**
 * SHA-256 of a file, as hexadecimal digits.
 *
 * @throws {Error} as a rejection: when it cannot be read, or `signal` is aborted.
 */
export async function fileDigest(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes, signal })) {
    hash.update(piece);
  }
  return hash.digest('hex');
}

/** The same of a value that JSON can hold. */
export function valueDigest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

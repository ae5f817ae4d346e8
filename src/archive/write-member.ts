import { open } from 'node:fs/promises';
import { messageOf, SconceError } from '../errors.js';

/** One file of an archive that is to be written. */
export interface ArchiveMember {
  /** Its path in the archive. */
  name: string;
  /** Where it is read from, unless there is content. */
  path: string;
  /** What it holds, when that is not what the file holds. */
  content?: Buffer;
  /** Bytes. */
  size: number;
  /** Type and permissions, as stat gives them. */
  mode: number;
  modified: Date;
}

/** Bytes that are read at once. */
const chunkSize = 256 * 1024;

/**
 * The bytes of a member, in chunks of their own, until the signal ends it.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be read, or is longer or shorter than
 *   it was when it was found: an archive of half a change would look whole.
 */
export async function* readMember(
  { path, size, content }: ArchiveMember,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  if (content !== undefined) {
    yield content;
    return;
  }
  const handle = await open(path).catch((error) => Promise.reject(unreadable(path, error)));
  try {
    let total = 0;
    for (;;) {
      signal?.throwIfAborted();
      // One byte more than is left shows that the file has grown.
      const buffer = Buffer.allocUnsafe(Math.min(chunkSize, size - total + 1));
      const { bytesRead } = await handle
        .read(buffer)
        .catch((error) => Promise.reject(unreadable(path, error)));
      total += bytesRead;
      if (total > size || (bytesRead === 0 && total < size)) throw changed(path);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

function unreadable(path: string, error: unknown): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `${path} cannot be read: ${messageOf(error)}`);
}

function changed(path: string): SconceError {
  return new SconceError(
    'INVALID_CONFIGURATION',
    `${path} changed while it was being archived; run the command again.`,
  );
}

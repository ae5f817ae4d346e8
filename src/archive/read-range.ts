import type { FileHandle } from 'node:fs/promises';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes that are read, inflated and written at a time. */
export const pieceBytes = 64 * 1024;

/**
 * A part of a file, piece by piece.
 *
 * @throws {Error} when the file ends before the part does.
 */
export async function* readRange(
  file: FileHandle,
  start: number,
  length: number,
): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; ) {
    const wanted = Math.min(pieceBytes, length - done);
    const { bytesRead, buffer } = await file.read(
      Buffer.allocUnsafe(wanted),
      0,
      wanted,
      start + done,
    );
    if (bytesRead === 0) throw new Error('the file ends too early');
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What a transform makes of bytes. Whoever stops early stops both. */
export async function* through(
  source: AsyncIterable<Buffer>,
  transform: Transform,
): AsyncGenerator<Buffer> {
  const feeding = pipeline(source, transform);
  // A failure destroys the transform, whose reader below is told.
  const fed = feeding.catch(() => {});
  try {
    yield* transform;
  } finally {
    transform.destroy();
    await fed;
  }
}

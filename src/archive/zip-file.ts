import type { FileHandle } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl';
import { pieceBytes, readRange, through } from './read-range.js';

export const stored = 0;
export const deflated = 8;

/**
 * Reads where yauzl says. yauzl's own reader passes a position from the archive to `fs.read`
 * unchecked, which throws for one past 2^53 where nobody can catch it: 46 bytes would end the
 * process.
 */
class FileReader extends RandomAccessReader {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#fill(buffer.subarray(offset, offset + length), position).then(
      () => callback(null),
      (error: Error) => callback(error),
    );
  }

  async #fill(target: Buffer, position: number): Promise<void> {
    if (!Number.isSafeInteger(position)) throw new Error('a position lies beyond the file');
    const { bytesRead } = await this.#file.read(target, 0, target.length, position);
    if (bytesRead < target.length) throw new Error('the file ends too early');
  }
}

/**
 * The directory of a zip archive. Closing the file is the caller's.
 *
 * @throws {Error} of yauzl when it is not one.
 */
export async function openZip(file: FileHandle): Promise<ZipFile> {
  const { size } = await file.stat();
  return await fromRandomAccessReaderPromise(new FileReader(file), size, {
    autoClose: false,
    // Names and sizes are checked where they are used, with messages that name the entry.
    decodeStrings: false,
    validateEntrySizes: false,
  });
}

/** An entry's name, unchecked. */
export function zipEntryName(entry: Entry): string {
  const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry;
  return getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);
}

/** The bytes of an entry that is stored or deflated. Their number and checksum are not checked. */
export async function* zipEntryContent(
  file: FileHandle,
  zip: ZipFile,
  entry: Entry,
): AsyncGenerator<Buffer> {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  const packed = readRange(file, fileDataStart, entry.compressedSize);
  if (entry.compressionMethod === stored) yield* packed;
  else yield* through(packed, createInflateRaw({ chunkSize: pieceBytes }));
}

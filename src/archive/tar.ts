import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { ArchiveEntry, ArchiveFile } from './archive-entry.js';
import { badArchive, badEntry } from './failure.js';
import { type ArchiveLimits, mostByRatio } from './limits.js';
import { pieceBytes, readRange, through } from './read-range.js';
import { TarPosition } from './tar-position.js';

const mostExtendedRecords = 64;

/**
 * The entries of a tar archive, in its order.
 *
 * @param compressed whether gzip has compressed it
 * @throws {SconceError} INVALID_ARCHIVE when an entry is anything but a plain file or a folder, or
 *   when the headers or the whole are out of proportion.
 * @throws {Error} of tar-stream or zlib when the archive is damaged.
 */
export async function* tarEntries(
  archive: ArchiveFile,
  limits: ArchiveLimits,
  compressed: boolean,
): AsyncGenerator<ArchiveEntry> {
  const position = new TarPosition();
  const extractor = extract();
  extractor.on('entry', (header) => position.enter(header));
  const feeding = pipeline(
    watch(unpacked(archive, compressed), archive, limits, position),
    extractor,
  );
  // A failure destroys the extractor, whose reader below is told.
  const fed = feeding.catch(() => {});
  try {
    for await (const entry of extractor) {
      yield entryOf(entry.header, bytesOf(entry, feeding), archive.name);
    }
    await feeding;
  } finally {
    extractor.destroy();
    await fed;
  }
}

function unpacked({ file, size }: ArchiveFile, compressed: boolean): AsyncIterable<Buffer> {
  const content = readRange(file, 0, size);
  return compressed ? through(content, createGunzip({ chunkSize: pieceBytes })) : content;
}

/** Stops before tar-stream has collected headers whose parsing would hold up the event loop. */
async function* watch(
  source: AsyncIterable<Buffer>,
  archive: ArchiveFile,
  limits: ArchiveLimits,
  position: TarPosition,
): AsyncGenerator<Buffer> {
  const most = mostByRatio(limits, archive.size);
  for await (const piece of source) {
    // Before this piece counts, which tar-stream has not seen yet.
    if (position.isLost) throw badArchive(archive.name, 'has too long a header');
    position.advance(piece.length);
    if (position.bytes > most) {
      throw badArchive(archive.name, `unpacks to more than ${limits.ratio} times its size`);
    }
    yield piece;
  }
}

function entryOf(
  header: Header,
  content: AsyncIterable<Uint8Array>,
  archive: string,
): ArchiveEntry {
  const { name, type } = header;
  const kind = type === 'directory' ? 'folder' : 'file';
  const problem = problemOf(header);
  if (problem !== undefined) throw badEntry(archive, name, problem);
  return {
    name,
    kind,
    size: kind === 'folder' ? 0 : header.size,
    checksum: undefined,
    content: () => content,
  };
}

/** The bytes of an entry; when they end too early, the reason is what has become of the feeding. */
async function* bytesOf(
  content: AsyncIterable<unknown>,
  feeding: Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of content) if (piece instanceof Uint8Array) yield piece;
  } catch (error) {
    await feeding;
    throw error;
  }
}

function problemOf(header: Header): string | undefined {
  const records = Object.keys(header.pax ?? {});
  if (records.length > mostExtendedRecords) return 'has too long a header';
  if (records.some((key) => key.startsWith('GNU.sparse.'))) return 'is stored as a sparse file';
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
    case 'directory':
      return undefined;
    case 'symlink':
      return 'is a symbolic link';
    case 'link':
      return 'is a hard link';
    case 'character-device':
    case 'block-device':
      return 'is a device';
    case 'fifo':
      return 'is a pipe';
    default:
      return 'is of a kind that is not supported';
  }
}

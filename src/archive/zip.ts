import type { Entry } from 'yauzl';
import type { ArchiveEntry, ArchiveFile } from './archive-entry.js';
import { badArchive, badEntry } from './failure.js';
import type { ArchiveLimits } from './limits.js';
import { deflated, openZip, stored, zipEntryContent, zipEntryName } from './zip-file.js';

/** The file type of a Unix mode, which is the upper half of the external attributes. */
const typeMask = 0o170000;
const refusedTypes = new Map([
  [0o120000, 'is a symbolic link'],
  [0o020000, 'is a device'],
  [0o060000, 'is a device'],
  [0o010000, 'is a pipe'],
  [0o140000, 'is a socket'],
]);

/**
 * The entries of a zip archive, in the order of its directory.
 *
 * @throws {SconceError} INVALID_ARCHIVE when an entry is anything but a plain file or a folder.
 * @throws {Error} of yauzl when the directory is damaged.
 */
export async function* zipEntries(
  archive: ArchiveFile,
  limits: ArchiveLimits,
): AsyncGenerator<ArchiveEntry> {
  const zip = await openZip(archive.file);
  if (zip.entryCount > limits.entries) {
    throw badArchive(archive.name, `has more than ${limits.entries} entries`);
  }
  for await (const entry of zip.eachEntry()) {
    const name = zipEntryName(entry);
    const problem = problemOf(entry, name);
    if (problem !== undefined) throw badEntry(archive.name, name, problem);
    yield {
      name,
      kind: name.endsWith('/') ? 'folder' : 'file',
      size: entry.uncompressedSize,
      checksum: entry.crc32,
      content: () => zipEntryContent(archive.file, zip, entry),
    };
  }
}

function problemOf(entry: Entry, name: string): string | undefined {
  if (entry.isEncrypted()) return 'is encrypted';
  const { compressionMethod: method, uncompressedSize } = entry;
  if (method !== stored && method !== deflated) {
    return `is compressed by method ${method}; store or deflate it`;
  }
  if (name.endsWith('/') && uncompressedSize > 0) return 'is a folder that holds bytes';
  return refusedTypes.get((entry.externalFileAttributes >>> 16) & typeMask);
}

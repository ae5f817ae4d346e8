import type { FileHandle } from 'node:fs/promises';
import type { EntryKind } from './entry-names.js';

/** One entry of an archive, whatever its format. */
export interface ArchiveEntry {
  /** As it stands in the archive. */
  name: string;
  kind: EntryKind;
  /** Bytes unpacked, as the archive declares them. */
  size: number;
  /** CRC-32 of the bytes; undefined when the format has none for an entry. */
  checksum: number | undefined;
  /** The bytes of a file; asked for at most once, and before the next entry. */
  content(): AsyncIterable<Uint8Array>;
}

/** An archive's file, open for reading. */
export interface ArchiveFile {
  file: FileHandle;
  /** Its name without folders, for messages. */
  name: string;
  /** Its size in bytes. */
  size: number;
}

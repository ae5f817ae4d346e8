import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf, SconceError } from '../errors.js';
import type { ArchiveEntry } from './archive-entry.js';
import { entryPath, pathProblem } from './entry-name.js';
import { EntryNames } from './entry-names.js';
import { badArchive, badEntry, isSystemError } from './failure.js';
import { type ArchiveLimits, mostByRatio } from './limits.js';

export interface UnpackOptions {
  /** An empty folder. What is written there when unpacking fails is left to the caller. */
  folder: string;
  /** The archive's name, for messages. */
  name: string;
  /** The archive's size in bytes. */
  size: number;
  limits: ArchiveLimits;
  signal: AbortSignal | undefined;
}

/**
 * Writes the entries of an archive, one after the other and piece by piece.
 *
 * @throws {SconceError} INVALID_ARCHIVE when an entry's name is unsafe or taken, when its bytes are
 *   not those that the archive declares, or when the archive exceeds a limit.
 */
export async function unpack(
  entries: AsyncIterable<ArchiveEntry>,
  options: UnpackOptions,
): Promise<void> {
  const unpacking = new Unpacking(options);
  for await (const entry of entries) await unpacking.write(entry);
}

class Unpacking {
  readonly #options: UnpackOptions;
  readonly #names = new EntryNames();
  /** That have been made. */
  readonly #folders = new Set<string>();
  #bytes = 0;

  constructor(options: UnpackOptions) {
    this.#options = options;
  }

  async write(entry: ArchiveEntry): Promise<void> {
    this.#options.signal?.throwIfAborted();
    const path = entryPath(entry.name);
    if (path === '' && entry.kind === 'folder') return;
    this.#admit(entry, path);
    const target = join(this.#options.folder, path);
    if (entry.kind === 'folder') {
      await this.#makeFolder(target);
    } else {
      await this.#makeFolder(dirname(target));
      // Exclusive: whatever is there already is not what an entry may touch.
      await writeFile(target, this.#checked(entry), { flag: 'wx', mode: 0o600 });
    }
  }

  #admit(entry: ArchiveEntry, path: string): void {
    const problem = pathProblem(path) ?? this.#names.take(path, entry.kind);
    if (problem !== undefined) throw this.#refuse(entry, problem);
    const { name, limits } = this.#options;
    if (this.#names.count > limits.entries) {
      throw badArchive(name, `has more than ${limits.entries} entries`);
    }
    // Before the first byte is written; and since it may lie, again for each piece.
    this.#checkBytes(entry, entry.size);
  }

  #checkBytes(entry: ArchiveEntry, coming: number): void {
    const { limits, size } = this.#options;
    const bytes = this.#bytes + coming;
    if (bytes > limits.bytes) {
      throw this.#refuse(entry, `makes it unpack to more than ${limits.bytes} bytes`);
    }
    if (bytes > mostByRatio(limits, size)) {
      throw this.#refuse(entry, `makes it unpack to more than ${limits.ratio} times its size`);
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#folders.add(folder);
  }

  async *#checked(entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
    let size = 0;
    let sum = 0;
    for await (const piece of this.#pieces(entry)) {
      this.#options.signal?.throwIfAborted();
      this.#checkBytes(entry, piece.length);
      this.#bytes += piece.length;
      size += piece.length;
      if (entry.checksum !== undefined) sum = crc32(piece, sum);
      yield piece;
    }
    if (size !== entry.size) {
      throw this.#refuse(entry, `holds ${size} bytes where the archive says ${entry.size}`);
    }
    if (entry.checksum !== undefined && sum !== entry.checksum) {
      throw this.#refuse(entry, 'does not have its checksum');
    }
  }

  async *#pieces(entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
    try {
      yield* entry.content();
    } catch (error) {
      if (error instanceof SconceError || isSystemError(error)) throw error;
      throw this.#refuse(entry, `is damaged: ${messageOf(error)}`);
    }
  }

  #refuse(entry: ArchiveEntry, what: string): SconceError {
    return badEntry(this.#options.name, entry.name, what);
  }
}

import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';
import { manifestName } from './manifest.js';
import { type ArchiveMember, readMember } from './write-member.js';
import { centralRecord, endRecords, localHeader, type ZipEntry } from './write-zip-records.js';

/** Sizes from here on get 64 bits: deflate can make a little more of what it cannot compress. */
const largeSize = 0xf0000000;

/**
 * Writes a zip archive to a new file.
 *
 * TorchServe reads archives from their beginning and not by their directory. It takes no member
 * that is stored and has its size behind it, and loses its place behind small ones that lie beyond
 * 4 GiB. So each member's header is written after the member, with its sizes, which
 * the packages that write zip streams cannot do.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when a member cannot be read.
 */
export async function writeZip(
  path: string,
  members: readonly ArchiveMember[],
  manifest: { text: string; created: Date },
  { deflate, signal }: { deflate: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    const zip = new ZipWriter(handle, deflate);
    for (const member of members) await zip.add(member, readMember(member, signal));
    const content = Buffer.from(manifest.text);
    const size = content.length;
    const entry = { name: manifestName, size, mode: 0o100644, modified: manifest.created };
    await zip.add(entry, [content]);
    await zip.finish();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class ZipWriter {
  readonly #handle: FileHandle;
  readonly #deflate: boolean;
  readonly #entries: ZipEntry[] = [];
  #position = 0;

  constructor(handle: FileHandle, deflate: boolean) {
    this.#handle = handle;
    this.#deflate = deflate;
  }

  async add(
    { name, size, mode, modified }: Omit<ArchiveMember, 'path'>,
    content: AsyncIterable<Buffer> | Iterable<Buffer>,
  ): Promise<void> {
    const entry: ZipEntry = {
      name: Buffer.from(name),
      deflated: this.#deflate,
      crc32: 0,
      compressedSize: 0,
      size,
      offset: this.#position,
      mode,
      modified,
      large: size >= largeSize,
    };
    // The header's place, for when the sizes are known.
    this.#position += localHeader(entry).length;
    const start = this.#position;
    const summed = async function* () {
      for await (const chunk of content) {
        entry.crc32 = crc32(chunk, entry.crc32);
        yield chunk;
      }
    };
    if (this.#deflate) {
      await pipeline(summed(), createDeflateRaw(), (out) => this.#appendAll(out));
    } else {
      await this.#appendAll(summed());
    }
    entry.compressedSize = this.#position - start;
    await this.#writeAt(localHeader(entry), entry.offset);
    this.#entries.push(entry);
  }

  async finish(): Promise<void> {
    const offset = this.#position;
    await this.#append(Buffer.concat(this.#entries.map(centralRecord)));
    await this.#append(endRecords(this.#entries.length, offset, this.#position - offset));
  }

  async #appendAll(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) await this.#append(chunk);
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#writeAt(bytes, this.#position);
    this.#position += bytes.length;
  }

  async #writeAt(bytes: Buffer, position: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      const { bytesWritten } = await this.#handle.write(bytes, written, left, position + written);
      written += bytesWritten;
    }
  }
}

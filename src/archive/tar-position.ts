import type { Header } from 'tar-stream';

/**
 * The most bytes that may lie between the content of one entry and that of the next. The headers of
 * an entry with long names and many attributes are some kilobytes; those of a hostile one, which
 * tar-stream collects and parses in one go, may be megabytes.
 */
const mostHeaderBytes = 64 * 1024;

const block = 512;

/** How far a tar stream has been read, and how far the content that was announced goes. */
export class TarPosition {
  #bytes = 0;
  #contentEnd = 0;

  /** Bytes read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether tar-stream has taken more bytes than an entry's headers need, without an entry. */
  get isLost(): boolean {
    return this.#bytes - this.#contentEnd > mostHeaderBytes;
  }

  /** Notes that bytes have been read. */
  advance(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Notes an entry. Called at once when tar-stream has parsed its headers. */
  enter(header: Header): void {
    // As tar-stream does it: what a folder declares to hold does not follow.
    const size = header.type === 'directory' ? 0 : header.size;
    const start = 'byteOffset' in header ? Number(header.byteOffset) : 0;
    this.#contentEnd = start + Math.ceil(size / block) * block;
  }
}

import { StringDecoder } from 'node:string_decoder';

/** Characters of a line; what is longer is cut. */
const longestLine = 64 * 1024;

const cutMark = ' … (cut)';

/**
 * Bytes to lines, as they come in. A line ends at LF, CRLF or CR, so that the progress bars that
 * programs draw are lines too; bytes that are not UTF-8 become U+FFFD.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #begun = '';
  /** The line that has begun is too long, and its rest is thrown away. */
  #cut = false;
  /** The last character was CR: a LF that follows belongs to it. */
  #carriageReturn = false;

  constructor(private readonly onLine: (text: string) => void) {}

  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }

  /** No more bytes come: what has begun is the last line. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#begun !== '') this.#emit('');
  }

  #take(text: string): void {
    let start = this.#carriageReturn && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#carriageReturn = false;
    for (const { index, 0: ending } of text.matchAll(/\r\n|\r|\n/g)) {
      if (index < start) continue;
      this.#emit(text.slice(start, index));
      start = index + ending.length;
      this.#carriageReturn = ending === '\r' && start === text.length;
    }
    this.#hold(text.slice(start));
  }

  #hold(text: string): void {
    if (this.#cut || text === '') return;
    this.#begun += text;
    if (this.#begun.length <= longestLine) return;
    this.#begun = this.#begun.slice(0, longestLine) + cutMark;
    this.#cut = true;
  }

  #emit(rest: string): void {
    this.#hold(rest);
    const line = this.#begun;
    this.#begun = '';
    this.#cut = false;
    this.onLine(line);
  }
}

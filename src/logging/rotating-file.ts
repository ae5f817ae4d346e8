import { once } from 'node:events';
import { appendFileSync, type Stats } from 'node:fs';
import { access, rm, stat, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { LineSink } from './line-sink.js';

export interface Rotation {
  /** Size at which a file is put aside. */
  bytes: number;
  /** Files put aside that are kept. */
  files: number;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * A log file that is put aside, compressed, when it is full and when the day ends: `access_log.log`
 * becomes `access_log.17-Jul.log.gz`, the second of the day `access_log.17-Jul.2.log.gz`. After a
 * failure, and when somebody has moved or deleted the file, the next append opens it anew.
 */
export class RotatingFile implements LineSink {
  /** The path. */
  readonly name: string;
  readonly #folder: string;
  readonly #rotation: Rotation;
  #stream: RotatingFileStream | undefined;
  /** The file that the stream writes to; after a rotation undefined until the next append looks. */
  #inode: number | undefined;
  /** The name of what is being put aside. */
  #archive: string | undefined;

  private constructor(folder: string, file: string, rotation: Rotation) {
    this.name = join(folder, file);
    this.#folder = folder;
    this.#rotation = rotation;
  }

  /** Opens the file in a folder that exists; rejects as Node's file functions do. */
  static async open(folder: string, file: string, rotation: Rotation): Promise<RotatingFile> {
    const rotating = new RotatingFile(folder, file, rotation);
    await rotating.#ready();
    return rotating;
  }

  /** Rejects when not all was written; nothing of it is in the file then. */
  async append(lines: string): Promise<void> {
    const [stream, before] = await this.#ready();
    const failure = await written(stream, lines);
    const growth = await this.#growthSince(before);
    // The stream does not notice when a disk that is nearly full takes only a part.
    const complete =
      growth === undefined ? failure === undefined : growth >= Buffer.byteLength(lines);
    if (failure !== undefined || !complete) await this.#abandon(stream);
    if (complete) return;
    if (growth !== undefined) await truncate(this.name, before.size);
    throw failure ?? new Error('no space is left on the disk');
  }

  appendNow(lines: string): void {
    appendFileSync(this.name, lines);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined || stream.destroyed) return;
    const closed = once(stream, 'close');
    stream.end();
    await closed;
  }

  /** A stream to the file that is there now, and what that file is. */
  async #ready(): Promise<[RotatingFileStream, Stats]> {
    if (this.#stream !== undefined) {
      const found = await stat(this.name).catch(() => undefined);
      this.#inode ??= found?.ino;
      if (found !== undefined && found.ino === this.#inode) return [this.#stream, found];
      await this.close().catch(() => {});
    }
    this.#stream = await this.#open();
    const opened = await stat(this.name);
    this.#inode = opened.ino;
    return [this.#stream, opened];
  }

  async #open(): Promise<RotatingFileStream> {
    const { bytes, files } = this.#rotation;
    const file = basename(this.name);
    const stream = createStream((time, index) => this.#nameOf(file, time, index), {
      path: this.#folder,
      size: `${bytes}B`,
      interval: '1d',
      intervalBoundary: true,
      initialRotation: true,
      compress: 'gzip',
      maxFiles: files,
      history: `.${file}.history`,
    });
    // Failures reach those who wait for a write; without a listener they would end the process.
    stream.on('error', () => {});
    stream.on('rotated', () => {
      this.#archive = undefined;
      this.#inode = undefined;
    });
    try {
      await once(stream, 'open');
      return stream;
    } catch (error) {
      await this.#abandon(stream);
      throw error;
    }
  }

  /** The name of the file itself, without a date, or of what is put aside. */
  #nameOf(file: string, time: number | Date, index = 1): string {
    if (!(time instanceof Date)) return file;
    const day = `${String(time.getDate()).padStart(2, '0')}-${months[time.getMonth()] ?? ''}`;
    const stem = file.replace(/\.log$/, '');
    this.#archive = `${stem}.${day}${index > 1 ? `.${index}` : ''}.log.gz`;
    return this.#archive;
  }

  /** Bytes; undefined when the file was put aside, replaced or emptied since. */
  async #growthSince(before: Stats): Promise<number | undefined> {
    const after = await stat(this.name).catch(() => undefined);
    const same = this.#inode !== undefined && after?.ino === before.ino;
    return same && after.size >= before.size ? after.size - before.size : undefined;
  }

  /** Lets go of a stream that failed; the next append opens another. */
  async #abandon(stream: RotatingFileStream): Promise<void> {
    if (this.#stream === stream) this.#stream = undefined;
    stream.destroy();
    await this.#removePartialArchive();
  }

  /** On a full disk every attempt to compress would leave a torso; the file itself is still there. */
  async #removePartialArchive(): Promise<void> {
    if (this.#archive === undefined) return;
    const archive = join(this.#folder, this.#archive);
    this.#archive = undefined;
    await access(this.name)
      .then(() => rm(archive, { force: true }))
      .catch(() => {});
  }
}

/** Resolves with what went wrong. */
function written(stream: RotatingFileStream, lines: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.write(lines, (error) => resolve(error ?? undefined));
  });
}

import { write, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LineSink } from './line-sink.js';

const writeBytes = promisify(write);

/** Milliseconds until a pipe that is full is tried again. */
const retryDelay = 10;

/**
 * An open file descriptor: standard output, standard error. Node's own streams write to them
 * synchronously, and would stop the event loop when nobody reads.
 */
export class Descriptor implements LineSink {
  readonly name: string;
  readonly #descriptor: number;
  #closed = false;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.#descriptor = descriptor;
  }

  async append(lines: string): Promise<void> {
    let rest = Buffer.from(lines);
    while (rest.length > 0 && !this.#closed) rest = rest.subarray(await this.#write(rest));
  }

  appendNow(lines: string): void {
    let rest = Buffer.from(lines);
    while (rest.length > 0) rest = rest.subarray(writeSync(this.#descriptor, rest));
  }

  /** Gives up what is being written. The descriptor stays open: it is the process's. */
  async close(): Promise<void> {
    this.#closed = true;
  }

  async #write(bytes: Uint8Array): Promise<number> {
    try {
      return (await writeBytes(this.#descriptor, bytes)).bytesWritten;
    } catch (error) {
      if (!isFull(error)) throw error;
      await delay(retryDelay);
      return 0;
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}

import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { firstDamagedEntry } from '../archive/checksums.js';

const entry = fileURLToPath(new URL('./file-check-entry.js', import.meta.url));

/** Files from this many bytes on are read on a thread: about ten milliseconds of the main loop. */
const largeFile = 8 * 1024 * 1024;

/** Milliseconds that the thread stays when there is nothing to check. */
const idleTimeout = 10_000;

/** Compares the checksums of model files; large ones on a thread that bodies never wait for. */
export class FileChecks {
  #piscina: Piscina | undefined;

  /** As firstDamagedEntry(); also undefined for a file that cannot be read, or after close(). */
  async damagedEntry(path: string): Promise<string | undefined> {
    try {
      const { size } = await stat(path);
      if (size < largeFile) return await firstDamagedEntry(path);
      this.#piscina ??= new Piscina({
        filename: entry,
        minThreads: 0,
        maxThreads: 1,
        idleTimeout,
        atomics: 'disabled',
        recordTiming: false,
      });
      const damaged: string | undefined = await this.#piscina.run(path);
      return damaged;
    } catch {
      return undefined;
    }
  }

  /** Ends the thread, and what it is checking. */
  async close(): Promise<void> {
    await this.#piscina?.destroy();
    this.#piscina = undefined;
  }
}

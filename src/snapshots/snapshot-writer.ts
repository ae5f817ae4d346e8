import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedSettings } from '../config/resolve.js';
import type { Log } from '../logging/log.js';
import type { ModelService } from '../models/model-service.js';
import { ModelSnapshot } from './model-snapshot.js';
import { snapshotFolder, snapshotNames } from './snapshot-folder.js';
import { snapshotText } from './snapshot-text.js';

/** When a snapshot was taken; stands in its name. */
export type SnapshotKind = 'startup' | 'snapshot' | 'shutdown';

/** Snapshots that are kept; the oldest go first. */
const snapshotsKept = 20;

const unfinishedEnding = '.part';

/** Writes the configuration and the models of a server, each time to a new file. */
export class SnapshotWriter {
  readonly #folder: string;
  #writing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly resolved: Pick<ResolvedSettings, 'settings' | 'origins'>,
    private readonly service: ModelService,
    private readonly log: Log,
  ) {
    this.#folder = snapshotFolder(resolved.settings.logLocation);
  }

  /** Writes a snapshot soon; changes that come before it is written share it. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.write('snapshot');
    });
  }

  /**
   * Resolves when it is written. A disk that does not take it is logged, and stops nothing. After
   * close() nothing is written.
   */
  write(kind: SnapshotKind): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#writing = this.#writing
      .then(() => this.#write(kind))
      .catch((error) => {
        this.log.error({ err: error }, `no snapshot could be written to ${this.#folder}`);
      });
    return this.#writing;
  }

  /** Writes the last one, of the models as they are now. */
  close(): Promise<void> {
    this.#closed ??= this.write('shutdown');
    return this.#closed;
  }

  /** Complete under its name or not there at all: a crash leaves the snapshot before. */
  async #write(kind: SnapshotKind): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const files = await readdir(this.#folder);
    const earlier = snapshotNames(files);
    const name = `${timeStamp(new Date(), earlier.at(-1))}-${kind}.cfg`;
    const path = join(this.#folder, name);
    const unfinished = `${path}${unfinishedEnding}`;
    const text = snapshotText(this.resolved, ModelSnapshot.take(name, this.service).text);
    try {
      const file = await open(unfinished, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    await this.#remove([
      ...earlier.slice(0, Math.max(0, earlier.length + 1 - snapshotsKept)),
      ...files.filter((file) => file.endsWith(`.cfg${unfinishedEnding}`)),
    ]);
  }

  async #remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.#folder, name), { force: true });
  }
}

/**
 * `yyyyMMddHHmmssSSS`, so that names sort by age: also when the clock was set back, or stands still
 * between two of them.
 */
function timeStamp(time: Date, newest: string | undefined): string {
  const stamp = time.toISOString().replace(/\D/g, '').slice(0, 17);
  const last = newest?.slice(0, 17) ?? '';
  return stamp > last ? stamp : String(BigInt(last) + 1n);
}

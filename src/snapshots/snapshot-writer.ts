import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import type { Log } from '../logging/log.js';
import type { ModelService } from '../models/model-service.js';
import { ModelSnapshot } from './model-snapshot.js';
import { snapshotFolder, snapshotPattern } from './snapshot-folder.js';
import { snapshotText } from './snapshot-text.js';

/** When a snapshot was taken; stands in its name. */
export type SnapshotKind = 'startup' | 'snapshot' | 'shutdown';

/** Snapshots that are kept; the oldest go first. */
const snapshotsKept = 20;

/** Writes the configuration and the models of a server, each time to a new file. */
export class SnapshotWriter {
  readonly #folder: string;
  #writing: Promise<void> = Promise.resolve();
  #scheduled = false;

  constructor(
    private readonly settings: Settings,
    private readonly service: ModelService,
    private readonly log: Log,
  ) {
    this.#folder = snapshotFolder(settings.logLocation);
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

  /** Resolves when it is written. A disk that does not take it is logged, and stops nothing. */
  write(kind: SnapshotKind): Promise<void> {
    this.#writing = this.#writing
      .then(() => this.#write(kind))
      .catch((error) => {
        this.log.error({ err: error }, `no snapshot could be written to ${this.#folder}`);
      });
    return this.#writing;
  }

  /** Complete under its name or not there at all: a crash leaves the snapshot before. */
  async #write(kind: SnapshotKind): Promise<void> {
    const name = `${timeStamp(new Date())}-${kind}.cfg`;
    const snapshot = ModelSnapshot.take(name, this.service);
    const text = snapshotText({ ...this.settings, modelSnapshot: snapshot.text });
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, name);
    const unfinished = `${path}.${process.pid}.part`;
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
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => snapshotPattern.test(name)).sort();
    for (const name of names.slice(0, -snapshotsKept)) await rm(join(this.#folder, name));
  }
}

/** `yyyyMMddHHmmssSSS`, so that names sort by age. */
function timeStamp(time: Date): string {
  return time.toISOString().replace(/\D/g, '').slice(0, 17);
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArchiveOptions, writeArchive } from '../../src/archive/write.js';
import { fixture } from './paths.js';

/** A model store of its own, gone at the end of the scope. */
export class ModelStore implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sconce-store-'));

  /** Puts an archive of a fixture model into the store; named after it unless said otherwise. */
  async add(model: string, given: Partial<ArchiveOptions> = {}): Promise<string> {
    return writeArchive({
      modelName: model,
      version: '1.0',
      serializedFile: fixture(model),
      handler: 'tensor',
      exportPath: this.folder,
      ...given,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

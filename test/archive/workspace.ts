import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { type ArchiveLimits, archiveLimits } from '../../src/archive/limits.js';
import { type OpenedArchive, openArchive } from '../../src/archive/open.js';
import { SconceError } from '../../src/errors.js';

/** Folders of one test, which are gone after it. */
export class Workspace {
  #root = '';

  /** For each test of a file. */
  constructor() {
    beforeEach(() => {
      this.#root = mkdtempSync(join(tmpdir(), 'sconce-'));
      mkdirSync(this.temporaryFolder);
    });
    afterEach(() => rmSync(this.#root, { recursive: true }));
  }

  /** Where archives are unpacked. */
  get temporaryFolder(): string {
    return join(this.#root, 'temporary');
  }

  path(...parts: string[]): string {
    return join(this.#root, ...parts);
  }

  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  open(path: string, limits: Partial<ArchiveLimits> = {}): Promise<OpenedArchive> {
    return openArchive(path, {
      temporaryFolder: this.temporaryFolder,
      limits: { ...archiveLimits(), ...limits },
    });
  }

  /** Asserts that nothing is left of any archive that was unpacked. */
  assertClean(): void {
    assert.deepEqual(readdirSync(this.temporaryFolder), []);
  }

  /** Asserts that an archive is refused in these words, and that nothing of it is left anywhere. */
  async assertRefused(
    name: string,
    content: Uint8Array,
    message: string,
    limits: Partial<ArchiveLimits> = {},
  ): Promise<void> {
    const path = this.write(name, content);
    const error = await this.open(path, limits).then(() => undefined, identity);
    assert.ok(error instanceof SconceError, `${error}`);
    assert.deepEqual([error.code, error.message], ['INVALID_ARCHIVE', `${name}: ${message}`]);
    this.assertClean();
    assert.deepEqual(readdirSync(this.#root).sort(), [name, 'temporary'].sort());
    assert.ok(!existsSync(join(tmpdir(), 'escaped')));
    rmSync(path);
  }
}

function identity(error: unknown): unknown {
  return error;
}

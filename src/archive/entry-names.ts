import { dirname } from 'node:path';

/** What an entry of an archive becomes. */
export type EntryKind = 'file' | 'folder';

interface Taken {
  path: string;
  kind: EntryKind;
}

/**
 * The paths that the entries of one archive take, so that none lands on another: also not on a file
 * system that does not tell letter cases apart, or composed from decomposed letters.
 */
export class EntryNames {
  readonly #taken = new Map<string, Taken>();

  /** Files and folders so far, those folders counted that no entry names. */
  get count(): number {
    return this.#taken.size;
  }

  /**
   * Takes a path and the folders above it. A folder may be taken again.
   *
   * @returns why the path cannot be taken, as the end of a sentence that begins with the entry
   */
  take(path: string, kind: EntryKind): string | undefined {
    const key = path.normalize('NFC').toLowerCase();
    const taken = this.#taken.get(key);
    if (taken !== undefined) return clash(taken, path, kind);
    const parent = dirname(path);
    const problem = parent === '.' ? undefined : this.take(parent, 'folder');
    if (problem === undefined) this.#taken.set(key, { path, kind });
    return problem;
  }
}

function clash(taken: Taken, path: string, kind: EntryKind): string | undefined {
  if (taken.path !== path) return `is the same as "${taken.path}" where letter case does not count`;
  if (taken.kind !== kind) return 'is a file, and a folder of another entry';
  return kind === 'file' ? 'is there twice' : undefined;
}

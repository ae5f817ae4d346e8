import { randomUUID } from 'node:crypto';
import { lstat, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SconceError } from '../errors.js';
import { isSystemError } from './failure.js';
import { manifestName } from './manifest.js';

/** Where an archive is to be written. */
export interface ArchiveTarget {
  path: string;
  /** Whether the archive is a folder. */
  folder: boolean;
  /** Whether what is there may be replaced. */
  force: boolean;
}

/**
 * Whether the archive is there already and is to be replaced.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it is there and must stay.
 */
export async function checkTarget({ path, folder, force }: ArchiveTarget): Promise<boolean> {
  const existing = await look(path);
  if (existing === undefined) return false;
  if (!force) {
    throw invalid(
      `${path} already exists.\nPlease specify --force/-f option to overwrite the model archive output file.\nSee -h/--help for more details.`,
    );
  }
  if (existing.isDirectory() !== folder) {
    throw invalid(
      `${path} is a ${folder ? 'file' : 'folder'} and is not replaced; remove it, or choose another --model-name or --export-path.`,
    );
  }
  // Replacing a folder deletes it: one wrong path must not cost a folder of something else.
  if (folder && (await look(join(path, manifestName))) === undefined) {
    throw invalid(
      `${path} is a folder without ${manifestName}, not a model archive, and is not replaced; remove it, or choose another --model-name or --export-path.`,
    );
  }
  return true;
}

/**
 * Has the archive written under a hidden name beside its place, and moves it there when it is whole.
 * What fails leaves no trace, and an older archive as it was.
 */
export async function writeTarget(
  target: ArchiveTarget,
  write: (path: string) => Promise<void>,
): Promise<void> {
  const temporary = hiddenName(target.path);
  try {
    await write(temporary);
    // Another process may have written the same archive meanwhile.
    const replaced = await checkTarget(target);
    if (replaced && target.folder) await replaceFolder(temporary, target.path);
    else await rename(temporary, target.path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** A folder can only be moved where none is: the older one steps aside for as long. */
async function replaceFolder(temporary: string, path: string): Promise<void> {
  const aside = hiddenName(path);
  await rename(path, aside);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rename(aside, path);
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** In the same folder, and so on the same file system. Model stores skip hidden names. */
function hiddenName(path: string): string {
  return join(dirname(path), `.sconce-${randomUUID()}`);
}

async function look(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    // A link that leads nowhere is there as well.
    return lstat(path).catch(() => undefined);
  }
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { badArchive, isSystemError } from './failure.js';
import { type Manifest, manifestName, parseManifest } from './manifest.js';

/** A manifest is a few hundred bytes. */
const mostManifestBytes = 2 ** 20;

/**
 * The folder that holds a model's files: the one inside, where there is nothing but one folder, as
 * in tar archives that torch-model-archiver writes. Links are not followed.
 */
export async function modelFolderIn(folder: string): Promise<string> {
  const [entry, ...others] = await readdir(folder, { withFileTypes: true });
  const isWrapper =
    others.length === 0 && entry?.isDirectory() === true && entry.name !== dirname(manifestName);
  return isWrapper ? join(folder, entry.name) : folder;
}

/**
 * The manifest of the archive in a folder; undefined when there is none.
 *
 * @param archive the archive's name, for messages
 * @throws {SconceError} INVALID_ARCHIVE when it cannot be used.
 */
export async function readManifest(folder: string, archive: string): Promise<Manifest | undefined> {
  const path = join(folder, manifestName);
  const stats = await statOf(path);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw badArchive(archive, `${manifestName} is no file`);
  if (stats.size > mostManifestBytes) {
    throw badArchive(archive, `${manifestName} has more than ${mostManifestBytes} bytes`);
  }
  return parseManifest(await readFile(path, 'utf8'));
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const isAbsent = isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (isAbsent) return undefined;
    throw error;
  }
}

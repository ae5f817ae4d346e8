import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { openZip, zipEntryContent, zipEntryName } from './zip-file.js';

/**
 * The first entry of a zip archive whose bytes do not have the checksum that the archive gives for
 * them; undefined when all have, or when the file cannot be read as a zip at all, which is for its
 * loader to say. LibTorch does not check: weights with a flipped bit load and answer wrongly.
 *
 * Reads piece by piece, so that the event loop goes on.
 */
export async function firstDamagedEntry(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    return file === undefined ? undefined : await findDamage(file);
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

async function findDamage(file: FileHandle): Promise<string | undefined> {
  const zip = await openZip(file);
  for await (const entry of zip.eachEntry()) {
    if (!(await isWhole(file, zip, entry))) return zipEntryName(entry);
  }
  return undefined;
}

async function isWhole(file: FileHandle, zip: ZipFile, entry: Entry): Promise<boolean> {
  let sum = 0;
  try {
    for await (const piece of zipEntryContent(file, zip, entry)) sum = crc32(piece, sum);
  } catch {
    // Data that cannot even be inflated.
    return false;
  }
  return sum === entry.crc32;
}

import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';

/**
 * The first entry of a zip archive whose bytes do not have the checksum that the archive gives for
 * them; undefined when all have, or when the file cannot be read as a zip at all, which is for its
 * loader to say. LibTorch does not check: weights with a flipped bit load and answer wrongly.
 *
 * Reads in pieces of 64 KiB, so that the event loop goes on.
 */
export async function firstDamagedEntry(path: string): Promise<string | undefined> {
  let archive: ZipFile;
  try {
    archive = await openPromise(path, { lazyEntries: true, autoClose: false });
  } catch {
    return undefined;
  }
  try {
    return await findDamage(archive);
  } finally {
    archive.close();
  }
}

function findDamage(archive: ZipFile): Promise<string | undefined> {
  return new Promise((resolve) => {
    archive.on('entry', (entry: Entry) => {
      checksum(archive, entry).then(
        (sum) => {
          if (sum === entry.crc32) archive.readEntry();
          else resolve(entry.fileName);
        },
        // Data that cannot even be inflated.
        () => resolve(entry.fileName),
      );
    });
    archive.on('end', () => resolve(undefined));
    archive.on('error', () => resolve(undefined));
    archive.readEntry();
  });
}

async function checksum(archive: ZipFile, entry: Entry): Promise<number> {
  const stream = await archive.openReadStreamPromise(entry);
  let sum = 0;
  for await (const chunk of stream) sum = crc32(chunk, sum);
  return sum;
}

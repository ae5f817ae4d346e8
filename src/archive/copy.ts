import { open } from 'node:fs/promises';
import { messageOf } from '../errors.js';
import type { FetchOptions, Incoming } from './fetch-options.js';
import { downloadFailed, incomingBytes } from './incoming-bytes.js';
import { refuseExisting, saveIncoming } from './incoming-file.js';
import { readRange } from './read-range.js';

/**
 * Copies a local file into the model store.
 *
 * @throws {SconceError} ARCHIVE_EXISTS, DOWNLOAD_FAILED, SAVE_FAILED
 * @throws the signal's reason when it is aborted.
 */
export async function copyIntoStore(path: string, options: FetchOptions & Incoming): Promise<void> {
  await refuseExisting(options.target);
  const file = await open(path).catch((error) => {
    throw downloadFailed(options.url, messageOf(error));
  });
  try {
    const { size } = await file.stat();
    await saveIncoming(incomingBytes(readRange(file, 0, size), size, options), options);
  } finally {
    await file.close();
  }
}

import { randomBytes } from 'node:crypto';
import { link, lstat, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SconceError } from '../errors.js';
import { isSystemError } from './failure.js';
import type { Incoming } from './fetch-options.js';

/**
 * Refuses a target that is there already, before anything is fetched.
 *
 * @throws {SconceError} ARCHIVE_EXISTS
 */
export async function refuseExisting(target: string): Promise<void> {
  if (await exists(target)) throw new SconceError('ARCHIVE_EXISTS', basename(target));
}

/**
 * Writes a file that appears under its name only when it is whole, and never in place of another.
 * On failure nothing is left.
 *
 * @throws {SconceError} ARCHIVE_EXISTS when the target has come to be there meanwhile; SAVE_FAILED
 *   when the system refuses to write.
 * @throws whatever the content throws.
 */
export async function saveIncoming(
  content: AsyncIterable<Uint8Array>,
  { url, target }: Incoming,
): Promise<void> {
  const random = randomBytes(8).toString('hex');
  const part = join(dirname(target), `.${basename(target)}.${random}.part`);
  try {
    await writeFile(part, content, { flag: 'wx', flush: true });
    await publish(part, target);
  } catch (error) {
    throw isSystemError(error) ? new SconceError('SAVE_FAILED', url).because(error.message) : error;
  } finally {
    // What cannot be removed was as a rule never made; the reason stands above.
    await rm(part, { force: true }).catch(() => {});
  }
}

/** A link, unlike renaming, fails when its name is taken, however short a time ago. */
async function publish(part: string, target: string): Promise<void> {
  try {
    await link(part, target);
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') {
      throw new SconceError('ARCHIVE_EXISTS', basename(target));
    }
    // Some file systems have no links.
    await refuseExisting(target);
    await rename(part, target);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

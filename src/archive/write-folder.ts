import { createWriteStream } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { manifestName } from './manifest.js';
import { type ArchiveMember, readMember } from './write-member.js';

/**
 * Writes an archive as a new folder.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when a member cannot be read.
 */
export async function writeFolder(
  path: string,
  members: readonly ArchiveMember[],
  manifest: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(path);
  for (const member of members) {
    const target = join(path, member.name);
    await mkdir(dirname(target), { recursive: true });
    const file = createWriteStream(target, { flags: 'wx', mode: member.mode & 0o777 });
    await pipeline(readMember(member, signal), file);
    await utimes(target, member.modified, member.modified);
  }
  await mkdir(join(path, dirname(manifestName)), { recursive: true });
  await writeFile(join(path, manifestName), manifest);
}

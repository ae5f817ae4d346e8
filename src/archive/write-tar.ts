import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { manifestName } from './manifest.js';
import { type ArchiveMember, readMember } from './write-member.js';

/**
 * Writes a tar archive, compressed with gzip, to a new file. All paths begin with the model's name.
 * Members belong to root, whoever packs them: readers that are not root do not look at it.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when a member cannot be read.
 */
export async function writeTar(
  path: string,
  modelName: string,
  members: readonly ArchiveMember[],
  manifest: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tar = pack();
  const file = createWriteStream(path, { flags: 'wx', flush: true });
  // The pipeline fails with what destroyed its source; after its own failure there is nothing left
  // to destroy.
  const filled = fill(tar, modelName, members, manifest, signal).catch((error) => {
    tar.destroy(error);
  });
  await Promise.all([filled, pipeline(tar, createGzip(), file)]);
}

async function fill(
  tar: Pack,
  modelName: string,
  members: readonly ArchiveMember[],
  manifest: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const member of members) {
    const { size, mode } = member;
    const name = `${modelName}/${member.name}`;
    const entry = tar.entry({ name, size, mode, mtime: tarTime(member.modified) });
    await pipeline(readMember(member, signal), entry);
  }
  tar.entry({ name: `${modelName}/${manifestName}`, mode: 0o644, mtime: new Date(0) }, manifest);
  tar.finalize();
}

/** The header has no place for times before 1970, and tar-stream none for those after 2038. */
function tarTime(modified: Date): Date {
  return new Date(Math.min(Math.max(modified.getTime(), 0), 0x7fffffff * 1000));
}

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isProcessAlive } from '../process-alive.js';

/** Bytes that the path of a socket can have: 104 with the closing zero on macOS, 108 on Linux. */
const longestPath = process.platform === 'darwin' ? 103 : 107;

const prefix = 'sconce-worker-';

/** Folders of a worker's socket: `sconce-worker-<process>-<six characters>`. */
const pattern = /^sconce-worker-(\d+)-/;

/** A socket of one worker, in a folder that its user alone can read. */
export interface SocketFolder {
  /** As TorchServe names them: the worker splits the name at its last dot. */
  path: string;
  remove(): Promise<void>;
}

let leftovers: Promise<void> | undefined;

/** @param id number of the worker */
export async function makeSocketFolder(id: number): Promise<SocketFolder> {
  const parent = roomFor(id, tmpdir()) ? tmpdir() : '/tmp';
  leftovers ??= removeLeftovers(parent);
  await leftovers;
  const folder = await mkdtemp(join(parent, `${prefix}${process.pid}-`));
  return {
    path: join(folder, socketName(id)),
    // What cannot be removed is left to the next server.
    remove: () => rm(folder, { recursive: true, force: true }).catch(() => {}),
  };
}

function socketName(id: number): string {
  return `.ts.sock.${id}`;
}

function roomFor(id: number, parent: string): boolean {
  const path = join(parent, `${prefix}${process.pid}-XXXXXX`, socketName(id));
  return Buffer.byteLength(path) <= longestPath;
}

/** Removes the folders of servers that were killed. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(pattern.exec(name)?.[1] ?? process.pid);
    // Another user's stays: that it cannot be removed is no matter.
    if (!isProcessAlive(pid)) {
      await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
    }
  }
}

import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SconceError } from '../errors.js';
import { isProcessAlive } from '../process-alive.js';

const user = process.getuid?.() ?? 0;

/** Folders of this user's servers, each named by its process. */
const parent = (): string => join(tmpdir(), `sconce-models-${user}`);

/**
 * Where this process unpacks archives: readable by its user alone.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when somebody else has made the folder.
 */
export function unpackFolder(): string {
  const folder = join(parent(), String(process.pid));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(parent());
  if (found.uid !== user || !found.isDirectory()) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `archives would be unpacked to ${parent()}, which belongs to another user; set TMPDIR`,
    );
  }
  return folder;
}

/**
 * Removes what servers have unpacked that were killed. To be called before anything is unpacked:
 * what stands under this process's own number was another's.
 */
export function removeLeftovers(): void {
  let names: string[];
  try {
    names = readdirSync(parent());
  } catch {
    return;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name) || isOtherProcess(Number(name))) continue;
    rmSync(join(parent(), name), { recursive: true, force: true });
  }
}

/** Removes the folder of this process. */
export function removeUnpackFolder(): void {
  rmSync(join(parent(), String(process.pid)), { recursive: true, force: true });
}

function isOtherProcess(pid: number): boolean {
  if (pid === process.pid || !isProcessAlive(pid)) return false;
  try {
    // A process that has ended keeps its number until somebody has waited for it; it says nothing.
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return true;
  }
}

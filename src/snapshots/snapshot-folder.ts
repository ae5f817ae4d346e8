import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const snapshotPattern = /^\d{17}-(startup|snapshot|shutdown)\.cfg$/;

/** Where snapshots stand, as in TorchServe: beside the log files. */
export function snapshotFolder(logLocation: string | undefined): string {
  return join(logLocation ?? 'logs', 'config');
}

/** Of the names of files those of snapshots, the oldest first: `20260131120000000-startup.cfg`. */
export function snapshotNames(names: readonly string[]): string[] {
  return names.filter((name) => snapshotPattern.test(name)).sort();
}

/** The paths of all snapshots, the newest first. */
export function findSnapshots(logLocation: string | undefined): string[] {
  const folder = snapshotFolder(logLocation);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return snapshotNames(names)
    .reverse()
    .map((name) => join(folder, name));
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** `20260131120000000-startup.cfg` */
export const snapshotPattern = /^\d{17}-(startup|snapshot|shutdown)\.cfg$/;

/** Where snapshots stand, as in TorchServe: beside the log files. */
export function snapshotFolder(logLocation: string | undefined): string {
  return join(logLocation ?? 'logs', 'config');
}

/** The newest snapshot, if there is one. */
export function newestSnapshot(logLocation: string | undefined): string | undefined {
  const folder = snapshotFolder(logLocation);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const newest = names
    .filter((name) => snapshotPattern.test(name))
    .sort()
    .at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}

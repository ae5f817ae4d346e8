import { firstDamagedEntry } from '../archive/checksums.js';

/** What the thread for checks of files runs for each of them. */
export default function run(path: string): Promise<string | undefined> {
  return firstDamagedEntry(path);
}

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A duration as people read it: `0.4 s`, `12 s`, `2 min 5 s`.
 *
 * @param {number} milliseconds
 */
export function formatDuration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A clock that starts now; call it for the time since then. */
export function stopwatch() {
  const start = performance.now();
  return () => formatDuration(performance.now() - start);
}

/**
 * Prints how much lies in a folder every few seconds, until the returned function is called.
 *
 * @param {string} folder
 * @param {string} expected what the whole comes to, in words
 */
export function reportGrowth(folder, expected) {
  const elapsed = stopwatch();
  const timer = setInterval(() => {
    const megabytes = Math.round(folderBytes(folder) / 1e6);
    console.log(`  ${megabytes} MB of ${expected}, ${elapsed()}`);
  }, 3000);
  return () => clearInterval(timer);
}

function folderBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // The writer may move a file between the listing and the question for its size.
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile()) bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

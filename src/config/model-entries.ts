import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * Entries of `load_models` or `--models`, split at commas, but not inside a path that exists as it
 * is written.
 *
 * @param given `all`, `[name=]path`, `[name=]url`, or several of them with commas
 * @param folders those that relative paths are looked up in
 */
export function splitModelEntries(given: readonly string[], folders: readonly string[]): string[] {
  return given.flatMap((text) => splitEntry(text, folders)).filter((entry) => entry !== '');
}

function splitEntry(text: string, folders: readonly string[]): string[] {
  const pieces = text.split(',');
  const entries: string[] = [];
  let start = 0;
  while (start < pieces.length) {
    const end = longestPath(pieces, start, folders);
    entries.push(pieces.slice(start, end).join(',').trim());
    start = end;
  }
  return entries;
}

/** Index after the most pieces from `start` on that name a path; a single piece may name anything. */
function longestPath(pieces: readonly string[], start: number, folders: readonly string[]): number {
  for (let end = pieces.length; end > start + 1; end -= 1) {
    const entry = pieces.slice(start, end).join(',').trim();
    const path = entry.replace(/^[^=/:,]*=/, '');
    if (path !== '' && folders.some((folder) => existsSync(resolve(folder, path)))) return end;
  }
  return start + 1;
}

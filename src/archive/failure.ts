import { SconceError } from '../errors.js';

const shownLength = 200;

/** INVALID_ARCHIVE: `model.mar: is empty`. */
export function badArchive(archive: string, what: string): SconceError {
  return new SconceError('INVALID_ARCHIVE', `${archive}: ${what}`);
}

/** INVALID_ARCHIVE: `model.mar: the entry "../x" is there twice`. */
export function badEntry(archive: string, entry: string, what: string): SconceError {
  // Quoted so that no line break or escape sequence of a hostile name reaches a log or a terminal.
  const shown = entry.length > shownLength ? `${entry.slice(0, shownLength)}…` : entry;
  return badArchive(archive, `the entry ${JSON.stringify(shown)} ${what}`);
}

/** Whether the operating system refused, as opposed to a library that reads a format. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/**
 * Why the system refused. A full disk is named by what was being filled: the system's own message
 * for it has no path.
 */
export function systemReason(
  { message, code, path }: NodeJS.ErrnoException,
  folder: string,
): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return `${message}: ${folder} is full; set TMPDIR to a folder with more room`;
  }
  return path === undefined ? `${message} (unpacking to ${folder})` : message;
}

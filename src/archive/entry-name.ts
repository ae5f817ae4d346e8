/** The most bytes of a path and of one of its parts that Linux and macOS both take. */
const pathBytes = 900;
const partBytes = 255;
const mostParts = 64;

/**
 * The path that an entry's name stands for: `./` in front and the slash that ends a folder's name
 * mean nothing. Empty for the archive's own folder.
 */
export function entryPath(name: string): string {
  return name.replace(/^(?:\.\/)+/, '').replace(/^\.$|\/$/, '');
}

/**
 * Why nothing may be written under the path of an archive's entry, as the end of a sentence that
 * begins with the entry; undefined when it is safe.
 */
export function pathProblem(path: string): string | undefined {
  if (/\p{Cc}/u.test(path)) return 'has a control character in its name';
  // Stands for what could not be decoded: several names would become one.
  if (path.includes('\ufffd')) return 'has a name that is not UTF-8';
  if (leavesFolder(path)) return "would be written outside the archive's folder";
  if (path.includes('\\')) return 'has a backslash in its name';
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.')) return 'has an empty part in its name';
  return isTooLong(path, parts) ? 'has too long a name' : undefined;
}

/** Counts a backslash as a separator too, and a drive's letter, so that a path is safe anywhere. */
function leavesFolder(path: string): boolean {
  return /^[/\\]/.test(path) || /^[A-Za-z]:/.test(path) || path.split(/[/\\]/).includes('..');
}

function isTooLong(path: string, parts: readonly string[]): boolean {
  return (
    Buffer.byteLength(path) > pathBytes ||
    parts.length > mostParts ||
    parts.some((part) => Buffer.byteLength(part) > partBytes)
  );
}

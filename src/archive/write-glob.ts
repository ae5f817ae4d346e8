import { lstat, readdir, stat } from 'node:fs/promises';

/** Whether a path of `--extra-files` is a pattern. A bracket that nothing closes makes none. */
export function isPattern(path: string): boolean {
  return /[*?]|\[.*\]/s.test(path);
}

/**
 * The paths that match a pattern as Python's `glob.glob` finds them, sorted: `*`, `?`, `[a-z]` and
 * `[!a-z]` stand for characters of one part of the path, `**` is `*`, a backslash or a brace stands
 * for itself, and hidden names only match a part that begins with a dot. Glob packages for Node
 * leave out links or read more into a pattern, and archives would hold other files.
 */
export async function pythonGlob(pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) return (await matchesExactly(pattern)) ? [pattern] : [];
  const [folder, name] = splitPath(pattern);
  const folders = isPattern(folder) ? await pythonGlob(folder) : [folder];
  const found: string[] = [];
  for (const each of folders) {
    const names = isPattern(name) ? await matchingNames(each, name) : [name];
    for (const path of names.map((matched) => joinPath(each, matched))) {
      if (isPattern(name) || (await matchesExactly(path))) found.push(path);
    }
  }
  return found;
}

/** Python's os.path.split. */
function splitPath(path: string): [folder: string, name: string] {
  const cut = path.lastIndexOf('/') + 1;
  const folder = path.slice(0, cut);
  return [/^\/+$/.test(folder) ? folder : folder.replace(/\/+$/, ''), path.slice(cut)];
}

function joinPath(folder: string, name: string): string {
  return folder === '' || folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** A path that ends in a slash names a folder; a link that leads nowhere is there. */
async function matchesExactly(path: string): Promise<boolean> {
  try {
    return path.endsWith('/') ? (await stat(path)).isDirectory() : (await lstat(path)) !== null;
  } catch {
    return false;
  }
}

async function matchingNames(folder: string, pattern: string): Promise<string[]> {
  const expression = new RegExp(`^${translate(pattern)}$`, 'su');
  const names = await readdir(folder === '' ? '.' : folder).catch(() => []);
  return names
    .filter((name) => expression.test(name) && (pattern.startsWith('.') || !name.startsWith('.')))
    .sort();
}

/** One part of a pattern as a regular expression, in time that does not explode with its stars. */
function translate(pattern: string): string {
  const [first = '', ...others] = splitAtStars([...pattern]);
  const last = others.pop();
  if (last === undefined) return first;
  // What a star but the last matches is the least that lets what follows it match; taking more is
  // never tried, because a later star can always take what this one leaves.
  const between = others.map((fixed, i) => `(?=(.*?${fixed}))\\${i + 1}`);
  return `${first}${between.join('')}.*${last}`;
}

/** What stands before, between and after the stars, as regular expressions of fixed length. */
function splitAtStars(characters: readonly string[]): string[] {
  const pieces = [''];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    const end = character === '[' ? classEnd(characters, at) : -1;
    if (character === '*') pieces.push('');
    else if (end > 0) pieces.push(pieces.pop() + translateClass(characters.slice(at + 1, end)));
    else pieces.push(pieces.pop() + (character === '?' ? '.' : literal(character)));
    if (end > 0) at = end;
  }
  return pieces;
}

/** Where the class ends that begins at a bracket; -1 when the bracket stands for itself. */
function classEnd(characters: readonly string[], start: number): number {
  const first = characters[start + 1] === '!' ? start + 2 : start + 1;
  // A bracket that closes nothing yet is one of the class's characters.
  return characters.indexOf(']', first + 1);
}

function translateClass(characters: readonly string[]): string {
  const negated = characters[0] === '!';
  const body = negated ? characters.slice(1) : characters;
  let ranges = '';
  for (let at = 0; at < body.length; at++) {
    const first = body[at] ?? '';
    const last = body[at + 1] === '-' ? body[at + 2] : undefined;
    if (last === undefined) {
      ranges += literal(first);
    } else {
      // A range whose end comes first holds nothing.
      if (codePoint(first) <= codePoint(last)) ranges += `${literal(first)}-${literal(last)}`;
      at += 2;
    }
  }
  return `[${negated ? '^' : ''}${ranges}]`;
}

function literal(character: string): string {
  return `\\u{${codePoint(character).toString(16)}}`;
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}

import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SconceError } from '../../errors.js';
import type { ResolvedImport } from './resolve-hooks.js';

/** The files that a handler's code consists of. */
export interface ImportedFiles {
  /** Those in the handler's folder, as paths within it, the handler's own first. */
  own: string[];
  /** Packages that they import, and a file that does. */
  packages: Map<string, string>;
}

/**
 * Sorts what was loaded with a handler.
 *
 * @param folder the handler's, its real path
 * @param entry the handler's file within it
 * @param imports all that were resolved in the thread
 * @param required files that CommonJS has loaded for the handler
 * @throws {SconceError} INVALID_CONFIGURATION for a file outside the folder that is no package's.
 */
export function importedFiles(
  folder: string,
  entry: string,
  imports: readonly ResolvedImport[],
  required: readonly string[],
): ImportedFiles {
  const found: ImportedFiles = { own: [], packages: new Map() };
  const waiting: string[] = [];
  const seen = new Set<string>();
  /** @param importer a file within the folder, @param specifier as it is written there */
  const add = (path: string, importer: string, specifier: string) => {
    const within = relative(folder, path);
    const name = packageOf(within);
    if (name !== undefined) {
      if (!found.packages.has(name)) found.packages.set(name, importer);
    } else if (within.startsWith(`..${sep}`)) {
      throw outside(importer, specifier, folder);
    } else if (!seen.has(path)) {
      seen.add(path);
      found.own.push(within);
      waiting.push(path);
    }
  };
  add(join(folder, entry), entry, entry);
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const url = pathToFileURL(path).href;
    for (const { specifier, parent, url: target } of imports) {
      if (parent === url) add(fileURLToPath(target), relative(folder, path), specifier);
    }
  }
  for (const path of required) add(path, entry, path);
  return found;
}

/** Name of the package that a file belongs to by the first node_modules of its path. */
function packageOf(within: string): string | undefined {
  const parts = within.split(sep);
  const at = parts.indexOf('node_modules');
  const first = parts[at + 1];
  if (at < 0 || first === undefined) return undefined;
  return first.startsWith('@') ? `${first}/${parts[at + 2]}` : first;
}

function outside(importer: string, specifier: string, folder: string): SconceError {
  return new SconceError(
    'INVALID_CONFIGURATION',
    `${importer} imports ${specifier}, which lies outside of the handler's folder ${folder}; move it there, or put the handler in a folder above both (${dirname(folder)})`,
  );
}

/** JavaScript whose imports name their files as an archive does. */
export function renameImports(
  source: string,
  path: string,
  imports: readonly ResolvedImport[],
  newName: (path: string) => string,
): string {
  const url = pathToFileURL(path).href;
  let renamed = source;
  for (const { specifier, parent, url: target } of imports) {
    if (parent !== url || !/^\.{1,2}\//.test(specifier)) continue;
    const wanted = newName(fileURLToPath(target));
    const ending = /\.[^./]+$/.exec(wanted)?.[0] ?? '';
    const replacement = specifier.replace(/\.[^./]+$/, ending);
    if (replacement === specifier) continue;
    const written = new RegExp(
      `(\\bfrom\\s*|\\bimport\\s*\\(?\\s*)(['"])${specifier.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\2`,
      'g',
    );
    renamed = renamed.replace(written, (_, before, quote) => before + quote + replacement + quote);
  }
  return renamed;
}

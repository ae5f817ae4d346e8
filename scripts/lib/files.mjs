import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All files under a folder with one of the endings, sorted; none when the folder is not there.
 *
 * @param {string} folder
 * @param {string[]} endings
 */
export function listFiles(folder, endings) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

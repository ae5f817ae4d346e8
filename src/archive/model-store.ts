import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SconceError } from '../errors.js';

/** How the names of what a model store holds end: archives, and TorchScript files. */
const modelEndings = [
  ...['.mar', '.model', '.tar.gz', '.tgz'],
  ...['.pt', '.pth', '.ts', '.torchscript'],
] as const;

/**
 * The models of a store, as `--models all` takes them: folders, archives and TorchScript files,
 * unless they are hidden. Sorted by name.
 *
 * @throws {SconceError} MODEL_STORE_MISSING when the folder cannot be read.
 */
export async function listModelStore(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error) => {
    throw new SconceError('MODEL_STORE_MISSING').because(messageOf(error));
  });
  const visible = names.filter((name) => !name.startsWith('.')).sort();
  const models: string[] = [];
  for (const name of visible) if (await isModel(folder, name)) models.push(name);
  return models;
}

async function isModel(folder: string, name: string): Promise<boolean> {
  // A link that leads nowhere is no model.
  const stats = await stat(join(folder, name)).catch(() => undefined);
  if (stats?.isDirectory()) return true;
  return stats?.isFile() === true && hasModelEnding(name);
}

/**
 * The name of a model that nothing else names: the file's name up to its last dot, with `_` for
 * every character that is no letter, digit or `_`. A folder's name has no ending to lose.
 */
export function defaultModelName(fileName: string): string {
  const dot = fileName.lastIndexOf('.');
  const stem = hasModelEnding(fileName) && dot > 0 ? fileName.slice(0, dot) : fileName;
  return stem.replace(/\W/g, '_');
}

function hasModelEnding(name: string): boolean {
  return modelEndings.some((ending) => name.endsWith(ending));
}

import { open, readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { Manifest } from '../archive/manifest.js';

/** Endings of TorchScript files. */
export const modelEndings = ['.pt', '.pth', '.ts', '.torchscript'];

export function isModelFile(path: string): boolean {
  return modelEndings.includes(extname(path));
}

/** Names of the TorchScript files in a folder: what ends in .ts may be TypeScript as well. */
export async function modelFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isModelFile).sort();
  const checked = await Promise.all(
    names.map(async (name) => extname(name) !== '.ts' || (await beginsAsZip(join(folder, name)))),
  );
  return names.filter((_, i) => checked[i]);
}

/** True for a file that begins as TorchScript does; false when it cannot be read. */
async function beginsAsZip(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(2), length: 2 });
    return buffer.toString('latin1') === 'PK';
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** The TorchScript file of a model's folder, or why there is none. */
export interface FoundModelFile {
  path: string | undefined;
  problem: string | undefined;
}

/** The file that the manifest names, else the only one in the folder. */
export async function modelFileOf(
  folder: string,
  manifest: Manifest | undefined,
): Promise<FoundModelFile> {
  const { serializedFile } = manifest?.model ?? {};
  if (serializedFile !== undefined) return namedFile(folder, serializedFile);
  const files = await modelFilesIn(folder);
  const [file] = files;
  if (file === undefined) {
    return missing(`it has no TorchScript file (${modelEndings.join(', ')})`);
  }
  if (files.length > 1) {
    return missing(`it holds ${files.join(' and ')}; name one of them`);
  }
  return { path: join(folder, file), problem: undefined };
}

async function namedFile(folder: string, name: string): Promise<FoundModelFile> {
  const path = join(folder, name);
  if (!(await isFileInside(folder, path))) {
    return missing(`its manifest names the file ${name}, which is not in the archive`);
  }
  return { path, problem: undefined };
}

/** True for a file of the folder, also after links. */
export async function isFileInside(folder: string, path: string): Promise<boolean> {
  try {
    const inside = relative(await realpath(folder), await realpath(path));
    return inside !== '' && inside.split(sep)[0] !== '..' && (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function missing(problem: string): FoundModelFile {
  return { path: undefined, problem };
}

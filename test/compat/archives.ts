import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { type Archive, archive, beside, handlerArchives } from './handler-archives.js';

/**
 * The archives that the cases name. Both servers read the same ones: TorchServe runs the Python
 * handler that is in them, Sconce the handler of its own that has the same name.
 */
const archives: readonly Archive[] = [
  archive('echo', 'double', 'echo'),
  archive('echo-2', 'double', 'echo', '2.0'),
  archive('double', 'double', 'tensor'),
  archive('linear', 'linear', 'tensor'),
  archive('throws', 'throws', 'tensor'),
  archive('bad', 'broken/truncated', 'tensor'),
  ...handlerArchives,
  {
    file: 'nameless',
    manifest: { runtime: 'python', model: { handler: 'echo' } },
    files: { 'echo.py': beside('echo.py') },
  },
  { file: 'modelless', manifest: { runtime: 'python' }, files: {} },
  { file: 'runtimeless', manifest: { runtime: 'ruby', model: { modelName: 'x' } }, files: {} },
  { file: 'versionless', manifest: { model: { modelName: 'x', modelVersion: '' } }, files: {} },
];

/** Fills a model store, and beside it `elsewhere`, from which archives are registered by URL. */
export async function writeStore(folder: string): Promise<{ store: string; elsewhere: string }> {
  const store = join(folder, 'store');
  const elsewhere = join(folder, 'elsewhere');
  await Promise.all([store, elsewhere].map((path) => mkdir(path, { recursive: true })));
  await Promise.all(archives.map((one) => writeArchive(store, one)));
  await writeFile(join(store, 'garbage.mar'), 'This is no archive.');
  // The archive of TorchServe's documentation, as torch-model-archiver has written it.
  await copyFile(beside('alpha_model.mar'), join(store, 'alpha_model.mar'));
  await copyFile(join(store, 'echo.mar'), join(elsewhere, 'by-url.mar'));
  await writeFolder(join(elsewhere, 'folder'));
  return { store, elsewhere };
}

/** An archive that is unpacked already. */
async function writeFolder(folder: string): Promise<void> {
  await mkdir(join(folder, 'MAR-INF'), { recursive: true });
  const manifest = { runtime: 'python', model: { modelName: 'folder', handler: 'echo' } };
  await writeFile(join(folder, 'MAR-INF/MANIFEST.json'), JSON.stringify(manifest, null, 2));
  await copyFile(beside('echo.py'), join(folder, 'echo.py'));
}

async function writeArchive(store: string, { file, manifest, files }: Archive): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(JSON.stringify(manifest, null, 2)), 'MAR-INF/MANIFEST.json');
  for (const [name, path] of Object.entries(files)) zip.addFile(path, name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(store, `${file}.mar`)));
}

import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { fixture, root } from '../support/paths.js';

const handlers = join(root, 'test/compat/archives');

interface Archive {
  /** File in the model store, without `.mar`. */
  file: string;
  manifest: unknown;
  /** Name in the archive to path. */
  files: Record<string, string>;
}

function archive(file: string, model: string, handler: string, version = '1.0'): Archive {
  return {
    file,
    manifest: {
      createdOn: '22/11/2024 12:00:00',
      runtime: 'python',
      model: {
        modelName: file.replace(/-.*/, ''),
        modelVersion: version,
        handler,
        serializedFile: 'model.pt',
      },
      archiverVersion: '0.12.0',
    },
    files: { 'model.pt': fixture(model), [`${handler}.py`]: join(handlers, `${handler}.py`) },
  };
}

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
  {
    file: 'nameless',
    manifest: { runtime: 'python', model: { handler: 'echo' } },
    files: { 'echo.py': join(handlers, 'echo.py') },
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
  await copyFile(join(store, 'echo.mar'), join(elsewhere, 'by-url.mar'));
  await writeFolder(join(elsewhere, 'folder'));
  return { store, elsewhere };
}

/** An archive that is unpacked already. */
async function writeFolder(folder: string): Promise<void> {
  await mkdir(join(folder, 'MAR-INF'), { recursive: true });
  const manifest = { runtime: 'python', model: { modelName: 'folder', handler: 'echo' } };
  await writeFile(join(folder, 'MAR-INF/MANIFEST.json'), JSON.stringify(manifest, null, 2));
  await copyFile(join(handlers, 'echo.py'), join(folder, 'echo.py'));
}

async function writeArchive(store: string, { file, manifest, files }: Archive): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(JSON.stringify(manifest, null, 2)), 'MAR-INF/MANIFEST.json');
  for (const [name, path] of Object.entries(files)) zip.addFile(path, name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(join(store, `${file}.mar`)));
}

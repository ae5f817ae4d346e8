import { type FileHandle, mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import type { ArchiveEntry, ArchiveFile } from './archive-entry.js';
import { badArchive, isSystemError, systemReason } from './failure.js';
import { modelFolderIn, readManifest } from './folder.js';
import type { ArchiveLimits } from './limits.js';
import type { Manifest } from './manifest.js';
import { tarEntries } from './tar.js';
import { unpack } from './unpack.js';
import { zipEntries } from './zip.js';

export interface OpenOptions {
  /** Where archives are unpacked, each to a folder of its own; made when it is not there. */
  temporaryFolder: string;
  limits: ArchiveLimits;
  signal?: AbortSignal;
}

/** An archive whose files can be read. */
export interface OpenedArchive {
  /** Absolute path of the folder that holds the files. */
  folder: string;
  /** Undefined when the archive has none. */
  manifest: Manifest | undefined;
  /** Removes what was unpacked. A folder that was used in place stays. May be called again. */
  dispose(): Promise<void>;
}

/**
 * Opens a model archive: a zip (`.mar`), a tar that gzip has compressed or not (`.tar.gz`, `.tgz`,
 * `.model`), or a folder. What a file is its first bytes say, not its name: a TorchScript file is a
 * zip too, and it is for the caller not to ask for it. Archives are unpacked; a folder is used in
 * place. When all that is there is one folder, the archive is what is in that.
 *
 * @throws {SconceError} ARCHIVE_NOT_FOUND when there is nothing at the path; INVALID_ARCHIVE when
 *   it is damaged, hostile or too large, or its manifest says too little; SAVE_FAILED when the
 *   system refuses to read or to write.
 * @throws the signal's reason when it is aborted.
 */
export async function openArchive(path: string, options: OpenOptions): Promise<OpenedArchive> {
  options.signal?.throwIfAborted();
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return await openFolder(path);
    if (!stats.isFile()) throw badArchive(basename(path), 'is neither a file nor a folder');
    return await openFile(path, options);
  } catch (error) {
    throw explain(error, path, options);
  }
}

async function openFolder(path: string): Promise<OpenedArchive> {
  const folder = await modelFolderIn(resolve(path));
  const manifest = await readManifest(folder, basename(path));
  return { folder, manifest, dispose: async () => {} };
}

async function openFile(path: string, options: OpenOptions): Promise<OpenedArchive> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    return await openUnpacked({ file, name: basename(path), size }, options);
  } finally {
    await file.close();
  }
}

async function openUnpacked(archive: ArchiveFile, options: OpenOptions): Promise<OpenedArchive> {
  const { temporaryFolder, limits, signal } = options;
  const { name, size } = archive;
  const entries = await entriesOf(archive, limits);
  await mkdir(temporaryFolder, { recursive: true, mode: 0o700 });
  const root = await mkdtemp(join(resolve(temporaryFolder), 'model-'));
  const dispose = () => rm(root, { recursive: true, force: true });
  try {
    await unpack(entries, { folder: root, name, size, limits, signal });
    const folder = await modelFolderIn(root);
    const manifest = await readManifest(folder, name);
    signal?.throwIfAborted();
    return { folder, manifest, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const tarMagic = { start: 257, text: 'ustar' };

async function entriesOf(
  archive: ArchiveFile,
  limits: ArchiveLimits,
): Promise<AsyncIterable<ArchiveEntry>> {
  if (archive.size === 0) throw badArchive(archive.name, 'is empty');
  const head = await headOf(archive.file);
  if (head.startsWith('PK')) return zipEntries(archive, limits);
  if (head.startsWith('\x1f\x8b')) return tarEntries(archive, limits, true);
  if (head.startsWith(tarMagic.text, tarMagic.start)) return tarEntries(archive, limits, false);
  throw badArchive(archive.name, 'is neither a zip archive (.mar) nor a tar.gz archive');
}

async function headOf(file: FileHandle): Promise<string> {
  const length = tarMagic.start + tarMagic.text.length;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.toString('latin1', 0, bytesRead);
}

/** Any failure as what callers are told. */
function explain(error: unknown, path: string, { signal, temporaryFolder }: OpenOptions): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof SconceError) return error;
  if (!isSystemError(error)) return badArchive(basename(path), messageOf(error));
  const { code = '', syscall } = error;
  const isAbsent = syscall === 'stat' && ['ENOENT', 'ENOTDIR'].includes(code);
  return new SconceError(isAbsent ? 'ARCHIVE_NOT_FOUND' : 'SAVE_FAILED', path).because(
    systemReason(error, temporaryFolder),
  );
}

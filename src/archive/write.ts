import { stat } from 'node:fs/promises';
import { SconceError } from '../errors.js';
import { isSystemError } from './failure.js';
import type { Manifest } from './manifest.js';
import { MemberCollector } from './write-collect.js';
import { writeFolder } from './write-folder.js';
import {
  type ArchiveHandler,
  type HandlerCode,
  resolveHandler,
  tensorHandler,
} from './write-handler.js';
import { manifestText } from './write-manifest.js';
import type { ArchiveMember } from './write-member.js';
import { writeTar } from './write-tar.js';
import { type ArchiveTarget, checkTarget, writeTarget } from './write-target.js';
import { writeZip } from './write-zip.js';

/** The formats that an archive can have, with the ending of its name. */
const endings = { tgz: '.tar.gz', 'no-archive': '', 'zip-store': '.mar', default: '.mar' } as const;

export type ArchiveFormat = keyof typeof endings;

/** What goes into an archive. Paths are relative to the working folder; an empty one is none. */
export interface ArchiveOptions {
  modelName: string;
  version: string;
  /** Name of a built-in handler, or path of a file; see `resolveHandler`. */
  handler: string;
  /** The handler's code, when it was looked at: it takes the place of the file. */
  handlerCode?: HandlerCode | undefined;
  /** Folder of a package that holds the handler. */
  handlerPackage?: string | undefined;
  serializedFile?: string | undefined;
  modelFile?: string | undefined;
  /** Files, folders and patterns, with commas between them. */
  extraFiles?: string | undefined;
  requirementsFile?: string | undefined;
  configFile?: string | undefined;
  /** `python` unless given. */
  runtime?: Manifest['runtime'] | undefined;
  /** Folder for the archive; the working folder unless given. */
  exportPath?: string | undefined;
  /** `default`, a compressed zip, unless given. */
  archiveFormat?: ArchiveFormat | undefined;
  /** Replace an archive that is there. */
  force?: boolean | undefined;
  /** Now unless given; with the same date and files an archive is the same, byte for byte. */
  createdOn?: Date | undefined;
  /** Told what the writer does that may not be meant, one sentence each. */
  warn?: ((message: string) => void) | undefined;
  /** Ends the writing; nothing is left then. */
  signal?: AbortSignal | undefined;
}

/**
 * Writes a model archive as torch-model-archiver 0.12 does, for TorchServe and for Sconce, and
 * returns its path. An archive that could not be written whole is not there.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the option or file that is wrong.
 * @throws the signal's reason when it ended the writing.
 */
export async function writeArchive(options: ArchiveOptions): Promise<string> {
  try {
    return await write(options);
  } catch (error) {
    // The operating system's refusals: a full disk, a folder that may not be written to.
    if (isSystemError(error)) {
      const where = options.exportPath ?? process.cwd();
      throw invalid(`Failed to save the model archive to ${where}: ${error.message}`);
    }
    throw error;
  }
}

async function write(options: ArchiveOptions): Promise<string> {
  const { archiveFormat = 'default', force = false, warn = () => {} } = options;
  checkModelName(options.modelName);
  const target: ArchiveTarget = {
    path: await targetPath(options.exportPath ?? process.cwd(), options.modelName, archiveFormat),
    folder: archiveFormat === 'no-archive',
    force,
  };
  if (await checkTarget(target)) warn(`Overwriting ${target.path} ...`);
  const handler = checkHandler(options);
  const members = await collect(options, handler, warn);
  await writeTarget(target, (path) => writeFormat(path, archiveFormat, options, handler, members));
  return target.path;
}

function checkModelName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_\-.]*$/.test(name)) {
    throw invalid(
      'Model name contains special characters.\nThe allowed regular expression filter for model name is: ^[A-Za-z0-9][A-Za-z0-9_\\-.]*$',
    );
  }
}

async function targetPath(
  folder: string,
  modelName: string,
  format: ArchiveFormat,
): Promise<string> {
  const found = await stat(folder === '' ? '.' : folder).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw invalid(
      `Given export-path ${folder} is not a directory. Point to a valid export-path directory.`,
    );
  }
  // Not normalised: messages show the path as it was given.
  const separator = folder === '' || folder.endsWith('/') ? '' : '/';
  return `${folder}${separator}${modelName}${endings[format]}`;
}

function checkHandler({
  handler,
  handlerCode,
  runtime,
  serializedFile,
}: ArchiveOptions): ArchiveHandler {
  if (handlerCode !== undefined) return { name: handlerCode.name, file: undefined };
  if (handler === '') throw invalid('The handler has no name: give --handler a name or a file.');
  if (handler === tensorHandler && !serializedFile) {
    throw invalid('The handler tensor runs a TorchScript file: name it with --serialized-file.');
  }
  return resolveHandler(handler, runtime ?? 'python');
}

/** A later file replaces an earlier one of the same name, in torch-model-archiver's order. */
async function collect(
  options: ArchiveOptions,
  handler: ArchiveHandler,
  warn: (message: string) => void,
): Promise<ArchiveMember[]> {
  const collector = new MemberCollector(warn, options.signal);
  await collector.addFile('model file', options.modelFile);
  await collector.addFile('serialized file', options.serializedFile);
  await collector.addFile('handler', handler.file);
  if (options.handlerPackage) await collector.addFolder(options.handlerPackage);
  await collector.addExtraFiles(options.extraFiles);
  if (options.handlerCode) await collector.addCode(options.handlerCode);
  await collector.addFile('requirements file', options.requirementsFile);
  await collector.addFile('config file', options.configFile);
  return collector.members();
}

async function writeFormat(
  path: string,
  format: ArchiveFormat,
  options: ArchiveOptions,
  handler: ArchiveHandler,
  members: readonly ArchiveMember[],
): Promise<void> {
  const { modelName, version, runtime = 'python', createdOn = new Date(), signal } = options;
  const { serializedFile, modelFile, requirementsFile, configFile } = options;
  const files = { serializedFile, modelFile, requirementsFile, configFile };
  const text = manifestText(
    { runtime, modelName, modelVersion: version, handler: handler.name, ...files },
    createdOn,
  );
  if (format === 'tgz') return writeTar(path, modelName, members, text, signal);
  if (format === 'no-archive') return writeFolder(path, members, text, signal);
  const deflate = format === 'default';
  return writeZip(path, members, { text, created: createdOn }, { deflate, signal });
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

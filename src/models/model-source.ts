import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ArchiveLimits } from '../archive/limits.js';
import { type LocatedArchive, type LocateOptions, locateArchive } from '../archive/locate.js';
import { defaultModelName } from '../archive/model-store.js';
import { type OpenedArchive, openArchive } from '../archive/open.js';
import type { ModelConfig } from '../config/model-config.js';
import { SconceError } from '../errors.js';
import { defaultHandler } from '../handlers/registry.js';
import { findConfig, readConfig } from './config-file.js';
import { findHandlerCode, type HandlerCode } from './handler-code.js';
import { isModelFile, modelFileOf } from './model-file.js';
import { unpackFolder } from './unpack-folder.js';

/** A model as somebody asked for it. */
export interface SourceRequest {
  /** A file or folder of the model store, or a URL that is allowed. */
  url: string;
  /** Instead of the manifest's name. */
  name?: string | undefined;
  /** Instead of the manifest's handler. */
  handler?: string | undefined;
  runtime?: string | undefined;
}

/** A model found on disk and unpacked: everything that is known before it loads. */
export interface ModelSource {
  name: string;
  version: string;
  /** What was asked for. */
  url: string;
  /** The archive, file or folder that it was opened from. */
  foundAt: string;
  /** The TorchScript file; empty when there is a problem. */
  path: string;
  /** The folder with the model's files. */
  folder: string;
  handler: string;
  /** The handler's code, when it came with the model. */
  handlerCode?: HandlerCode | undefined;
  /** The Python file of a model whose weights alone are serialized. */
  modelFile?: string | undefined;
  /** What Python handlers are to have installed: a file of the folder. */
  requirementsFile?: string | undefined;
  /** How bodies wrap the input: the configuration's, or the manifest's. */
  envelope?: string | undefined;
  runtime: string;
  config: ModelConfig;
  /** The file that the configuration was read from. */
  configPath: string | undefined;
  /** What the configuration's reader has to say. */
  notes: readonly string[];
  /** True when it has a manifest: it may serve in TorchServe as well, with its defaults. */
  archived: boolean;
  /** Why there is nothing that this process could load, although it can be registered. */
  problem: string | undefined;
  /** Deletes what was unpacked and downloaded for it. */
  dispose(): Promise<void>;
}

export interface SourceOptions extends Omit<LocateOptions, 'maxBytes'> {
  limits: ArchiveLimits;
  /** Handler of archives that name none. */
  defaultHandler: string | undefined;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const runtimes = ['python', 'python3', 'LSP'];

/**
 * Finds, downloads and unpacks a model. What was written to the disk is gone when it fails.
 *
 * @throws {SconceError} as locateArchive() and openArchive(); INVALID_RUNTIME, INVALID_REQUEST for
 *   a name that cannot be one, INVALID_CONFIGURATION for the model's configuration file.
 */
export async function openSource(
  request: SourceRequest,
  options: SourceOptions,
): Promise<ModelSource> {
  const { runtime } = request;
  if (runtime !== undefined && !runtimes.includes(runtime)) {
    throw new SconceError('INVALID_RUNTIME', runtime);
  }
  const located = await locateArchive(request.url, { ...options, maxBytes: options.limits.bytes });
  return openLocated(located, request, options);
}

/** The same for a path that the operator has given, which may lie anywhere. */
export async function openTrusted(
  path: string,
  request: SourceRequest,
  options: SourceOptions,
): Promise<ModelSource> {
  return openLocated({ path, url: request.url, downloaded: false }, request, options);
}

async function openLocated(
  located: LocatedArchive,
  request: SourceRequest,
  options: SourceOptions,
): Promise<ModelSource> {
  const { path } = located;
  const isFile = (await stat(path)).isFile();
  const undo: (() => Promise<void>)[] = [];
  if (located.downloaded) undo.push(() => rm(path, { recursive: true, force: true }));
  const dispose = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    if (isFile && isModelFile(path)) return await plainSource(path, request, options, dispose);
    const temporaryFolder = unpackFolder();
    const archive = await openArchive(path, { ...options, temporaryFolder });
    undo.push(() => archive.dispose());
    return await archivedSource(path, archive, request, options, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function plainSource(
  path: string,
  request: SourceRequest,
  options: SourceOptions,
  dispose: () => Promise<void>,
): Promise<ModelSource> {
  const configPath = await findConfig(path);
  const { config, notes } = await readConfig(configPath, false);
  const handler = request.handler ?? options.defaultHandler ?? defaultHandler;
  return {
    name: checkName(request.name ?? defaultModelName(basename(path))),
    version: config.version ?? '1.0',
    url: request.url,
    foundAt: path,
    path,
    folder: dirname(path),
    handler,
    handlerCode: await findHandlerCode(dirname(path), handler),
    envelope: config.envelope,
    runtime: request.runtime ?? 'python',
    config,
    configPath,
    notes,
    archived: false,
    problem: undefined,
    dispose,
  };
}

async function archivedSource(
  path: string,
  { folder, manifest }: OpenedArchive,
  request: SourceRequest,
  options: SourceOptions,
  dispose: () => Promise<void>,
): Promise<ModelSource> {
  const file = await modelFileOf(folder, manifest);
  const configPath = await findConfig(file.path ?? join(folder, 'model'), {
    named: manifest?.model.configFile,
  });
  const { config, notes } = await readConfig(configPath, manifest !== undefined);
  const { model } = manifest ?? {};
  const handler = request.handler ?? model?.handler ?? options.defaultHandler ?? defaultHandler;
  return {
    name: checkName(request.name ?? model?.modelName ?? defaultModelName(basename(path))),
    version: model?.modelVersion ?? config.version ?? '1.0',
    url: request.url,
    foundAt: path,
    path: file.path ?? '',
    folder,
    handler,
    handlerCode: await findHandlerCode(folder, handler),
    modelFile: model?.modelFile,
    requirementsFile: model?.requirementsFile,
    envelope: config.envelope ?? model?.envelope,
    runtime: request.runtime ?? manifest?.runtime ?? 'python',
    config,
    configPath,
    notes,
    archived: manifest !== undefined,
    problem: file.problem,
    dispose,
  };
}

function checkName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new SconceError(
    'INVALID_REQUEST',
    `the model name ${JSON.stringify(name)} may hold letters, digits, "_", "-" and ".", and begins with a letter or digit`,
  );
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { type ModelConfig, parseModelConfig } from '../config/model-config.js';
import { SconceError } from '../errors.js';

/** A model as the operator named it, found on disk. */
export interface ModelSource {
  name: string;
  version: string;
  /** What the operator wrote. */
  url: string;
  /** The TorchScript file. */
  path: string;
  config: ModelConfig;
  /** The file that the configuration was read from. */
  configPath: string | undefined;
}

const modelEndings = ['.pt', '.pth', '.ts', '.torchscript'];
const configName = 'model-config.yaml';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Finds the models that `--models` names. Read at start, hence synchronously.
 *
 * @param entries `name=path`, `path`, or `all` for everything in the store
 * @param store folder that relative paths are looked up in before the working folder
 * @throws {SconceError} INVALID_CONFIGURATION saying what was looked for and where.
 */
export function findModels(entries: readonly string[], store: string | undefined): ModelSource[] {
  if (store !== undefined && !(existsSync(store) && statSync(store).isDirectory())) {
    throw invalid(`--model-store directory not found: ${store}`);
  }
  const sources = entries.flatMap((entry) =>
    entry.toLowerCase() === 'all' ? findAll(store) : [findModel(entry, store)],
  );
  const seen = new Map<string, ModelSource>();
  for (const source of sources) {
    const key = `${source.name} version ${source.version}`;
    const other = seen.get(key);
    if (other !== undefined) {
      throw invalid(`${key} is named twice: ${other.path} and ${source.path}`);
    }
    seen.set(key, source);
  }
  return sources;
}

function findAll(store: string | undefined): ModelSource[] {
  if (store === undefined) throw invalid('--models all needs --model-store');
  const found = readdirSync(store, { withFileTypes: true })
    .map((entry) => entry.name)
    .filter((name) => {
      const path = join(store, name);
      return statSync(path).isDirectory()
        ? modelFilesIn(path).length > 0
        : modelEndings.includes(extname(name));
    })
    .sort();
  if (found.length === 0) throw invalid(`no TorchScript file in the model store ${store}`);
  return found.map((name) => findModel(name, store));
}

function findModel(entry: string, store: string | undefined): ModelSource {
  const equals = entry.indexOf('=');
  const url = entry.slice(equals + 1);
  const path = locate(url, store);
  const isFolder = statSync(path).isDirectory();
  const file = isFolder ? onlyModelFile(path) : path;
  const name = equals < 0 ? basename(url, isFolder ? '' : extname(url)) : entry.slice(0, equals);
  if (!namePattern.test(name)) {
    throw invalid(
      `the model name "${name}" may hold letters, digits, "_", "-" and "." and begins with a letter or digit`,
    );
  }
  const configPath = findConfig(file);
  const config =
    configPath === undefined ? {} : parseModelConfig(readFileSync(configPath, 'utf8'), configPath);
  return { name, version: config.version ?? '1.0', url, path: file, config, configPath };
}

function locate(url: string, store: string | undefined): string {
  const candidates = isAbsolute(url)
    ? [url]
    : [...(store === undefined ? [] : [resolve(store, url)]), resolve(url)];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) throw invalid(`model not found at: ${candidates.join(' or ')}`);
  return path;
}

function modelFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => modelEndings.includes(extname(name)))
    .sort();
}

function onlyModelFile(folder: string): string {
  const files = modelFilesIn(folder);
  const [file] = files;
  if (file === undefined) {
    throw invalid(`${folder} holds no TorchScript file (${modelEndings.join(', ')})`);
  }
  if (files.length > 1) {
    throw invalid(`${folder} holds ${files.join(' and ')}; name one of them`);
  }
  return join(folder, file);
}

/** `<file>.yaml` beside the file, else model-config.yaml when the folder holds only this model. */
function findConfig(file: string): string | undefined {
  const folder = dirname(file);
  const own = join(folder, `${basename(file, extname(file))}.yaml`);
  if (existsSync(own)) return own;
  const shared = join(folder, configName);
  return existsSync(shared) && modelFilesIn(folder).length === 1 ? shared : undefined;
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, SconceError } from '../../errors.js';
import { isCodeFile, isPackageName, strippedName } from './handler-name.js';
import { packagePrefix } from './resolve-hooks.js';

/** Where a handler's code is. */
export interface HandlerModule {
  /** What import() takes once the hooks are registered. */
  specifier: string;
  /** For messages: the file within the folder, or the package. */
  file: string;
}

/**
 * Finds a handler's code in the folder of a model: a file, of TypeScript also by the name it has
 * after its types are gone; or an npm package in `node_modules` or in a folder of its name.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it is not there, or lies outside.
 */
export function findHandlerModule(folder: string, module: string): HandlerModule {
  if (isCodeFile(module)) return findFile(folder, module);
  if (!isPackageName(module)) {
    throw invalid(
      `the handler "${module}" is neither a file (.ts, .mts, .js, .mjs, .cjs) nor the name of an npm package`,
    );
  }
  const url = pathToFileURL(`${realpathSync(folder)}${sep}`).href;
  if (isFile(join(folder, 'node_modules', module, 'package.json'))) {
    return { specifier: `${packagePrefix}${module}?${url}`, file: `package ${module}` };
  }
  const packageFile = join(folder, module, 'package.json');
  if (isFile(packageFile)) return { ...findLoosePackage(packageFile, url, module) };
  throw invalid(
    `the handler "${module}" is no package in the archive: there is neither node_modules/${module}/package.json nor ${module}/package.json`,
  );
}

function findFile(folder: string, module: string): HandlerModule {
  const root = realpathSync(folder);
  const within = normalize(module);
  if (isAbsolute(within) || within.split(sep).includes('..')) {
    throw invalid(`the handler file "${module}" lies outside of the archive`);
  }
  const found = [within, strippedName(within)].find((path) => isFile(join(root, path)));
  if (found === undefined) {
    throw invalid(`the handler file ${module} is not in the archive`);
  }
  const path = realpathSync(join(root, found));
  if (!path.startsWith(root + sep)) {
    throw invalid(`the handler file ${module} is a link that leads outside of the archive`);
  }
  return { specifier: pathToFileURL(path).href, file: found };
}

/** A package that lies beside the model: by its own name where it has exports, else by its main. */
function findLoosePackage(packageFile: string, folderUrl: string, module: string): HandlerModule {
  const file = `package ${module}`;
  const { name, exports, main } = readPackage(packageFile, module);
  const url = new URL(`${module}/`, folderUrl);
  if (exports !== undefined) {
    // Node finds exports by the package's name.
    if (typeof name !== 'string') throw invalid(`${module}/package.json has exports and no name`);
    return { specifier: `${packagePrefix}${name}?${url.href}`, file };
  }
  const entry = typeof main === 'string' ? main : 'index.js';
  const candidates = [entry, `${entry}.js`, `${entry}/index.js`].map((path) => new URL(path, url));
  const found = candidates.find((candidate) => isFile(candidate));
  if (found === undefined) {
    throw invalid(`${module}/package.json names ${entry} as its main file, which is not there`);
  }
  return { specifier: found.href, file };
}

function readPackage(path: string, module: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isRecord(content)) return content;
  } catch (error) {
    throw invalid(`${module}/package.json is not JSON: ${messageOf(error)}`);
  }
  throw invalid(`${module}/package.json is no JSON object`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFile(path: string | URL): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ArchiveOptions } from '../archive/write.js';
import { isCodeHandler } from '../archive/write-handler.js';
import { SconceError } from '../errors.js';
import { type HandlerCode, inspectHandler } from '../handlers/code/inspect-handler.js';

/** What an archive holds of a handler in JavaScript or TypeScript. */
export interface LookedAtHandler {
  handlerCode: HandlerCode;
  /** Folder of the package, when it is one. */
  handlerPackage?: string;
}

/**
 * Loads the handler of an archive as a server would, when it is JavaScript or TypeScript: a file of
 * it, or a folder with a package.json. Undefined for any other.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be loaded, naming file and place.
 */
export async function lookAtHandler(
  { handler, runtime, extraFiles = '' }: ArchiveOptions,
  signal: AbortSignal,
): Promise<LookedAtHandler | undefined> {
  if (runtime === 'LSP') return undefined;
  const path = handler.replace(/:[^:/]*$/, '');
  const isPackage = path !== '' && existsSync(join(path, 'package.json'));
  if (!isPackage && !isCodeHandler(handler)) return undefined;
  if (!existsSync(path)) {
    throw new SconceError('INVALID_CONFIGURATION', `The handler ${path} does not exist.`);
  }
  const absolute = resolve(path);
  const className = handler.slice(path.length);
  const handlerCode = await inspectHandler(dirname(absolute), basename(absolute) + className, {
    signal,
    packages: packageFolders(extraFiles),
  });
  return isPackage ? { handlerCode, handlerPackage: absolute } : { handlerCode };
}

/** Folders among the extra files that bring npm packages. */
function packageFolders(extraFiles: string): string[] {
  return extraFiles
    .split(',')
    .map((path) => resolve(path.trim()))
    .filter((path) => existsSync(join(path, 'node_modules')));
}

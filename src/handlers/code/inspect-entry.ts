import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { toSconceError } from '../../errors.js';
import { isTypedFile, parseHandlerName, strippedName } from './handler-name.js';
import { importedFiles, renameImports } from './imported-files.js';
import type { CodeFile, HandlerCode, InspectOrder } from './inspect-handler.js';
import { loadHandlerClass } from './load-handler.js';
import { requiredFiles, traceImports } from './register-hooks.js';
import { stripTypes } from './strip-types.js';

/** The thread of inspectHandler(): loads a handler as a server would, and says what it is made of. */
async function inspect({ folder: given, handler, packages }: InspectOrder): Promise<HandlerCode> {
  const folder = await realpath(given);
  const packageFolders = packages.map((path) => pathToFileURL(path + sep).href);
  const takeImports = traceImports(packageFolders);
  const before = new Set(requiredFiles());
  const { className, file } = await loadHandlerClass(folder, handler);
  const { module, className: chosen } = parseHandlerName(handler);
  if (file !== module) return { name: handler, className, files: [], packages: [] };
  const imports = takeImports();
  const required = requiredFiles().filter((path) => !before.has(path));
  const { own, packages: imported } = importedFiles(folder, file, imports, required);
  const files = await Promise.all(
    own.map(async (path): Promise<CodeFile> => {
      const absolute = join(folder, path);
      const name = strippedName(path);
      if (!/\.[cm]?[jt]s$/.test(path)) return { name, path: absolute };
      const source = await readFile(absolute, 'utf8');
      const stripped = isTypedFile(path) ? await stripTypes(source, path) : source;
      const content = renameImports(stripped, absolute, imports, strippedName);
      return { name, path: absolute, ...(content === source ? {} : { content }) };
    }),
  );
  return {
    name: chosen === undefined ? strippedName(file) : `${strippedName(file)}:${chosen}`,
    className,
    files,
    packages: [...imported].map(([name, importer]) => ({ name, importer })),
  };
}

const order: InspectOrder = workerData;
try {
  parentPort?.postMessage({ code: await inspect(order) });
} catch (error) {
  parentPort?.postMessage({ problem: toSconceError(error).message });
}

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../lib/root.mjs';

const compiled = (path) => import(pathToFileURL(join(root, 'dist/src', path)).href);

/**
 * Writes an archive as `sconce archive` does and returns its path. It is compiled code that writes
 * it: not to be called before ensureTypeScript().
 *
 * @param {import('../../../src/archive/write.js').ArchiveOptions} options
 */
export async function writeBenchArchive(options) {
  const [{ writeArchive }, { lookAtHandler }] = await Promise.all([
    compiled('archive/write.js'),
    compiled('cli/archive-handler.js'),
  ]);
  const handler = await lookAtHandler(options, new AbortController().signal);
  return writeArchive({ ...options, ...handler });
}

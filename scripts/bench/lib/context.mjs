import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from './children.mjs';
import { findLoadGenerator } from './load.mjs';

/**
 * What a subject and its contenders work with.
 *
 * @typedef {object} BenchContext
 * @property {import('./options.mjs').BenchOptions} options
 * @property {Children} children
 * @property {string} folder for files of one run; removed at its end
 * @property {import('./load.mjs').LoadGenerator} load
 */

/**
 * @param {import('./options.mjs').BenchOptions} options
 * @returns {Promise<BenchContext>}
 */
export async function createContext(options) {
  const children = new Children();
  children.stopOnSignals();
  const folder = mkdtempSync(join(tmpdir(), 'sconce-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return { options, children, folder, load: await findLoadGenerator(children, folder) };
}

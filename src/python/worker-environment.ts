import { tmpdir } from 'node:os';
import { delimiter, dirname, resolve } from 'node:path';
import type { WorkerOptions } from './worker-options.js';

/** With any of these the worker would take itself for one of many and not answer. */
const distributed = ['LOCAL_RANK', 'RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE'];

/** The variables of a worker: this process's, what the options add, and where Python looks. */
export function workerEnvironment(
  { folder, python, environment }: Pick<WorkerOptions, 'folder' | 'python' | 'environment'>,
  inherited: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !distributed.includes(name));
  return {
    TEMP: tmpdir(),
    PYTHONIOENCODING: 'utf-8:backslashreplace',
    ...Object.fromEntries(kept),
    ...environment,
    PYTHONPATH: pythonPath(folder, python.tsFolder, environment.PYTHONPATH ?? inherited.PYTHONPATH),
    // Lines come when they are printed.
    PYTHONUNBUFFERED: '1',
  };
}

/**
 * The model's folder first, where its handler is. The parent of `ts` is named only for a checkout:
 * a site-packages folder named here would come before the standard library.
 */
function pythonPath(folder: string, tsFolder: string, inherited: string | undefined): string {
  const parent = dirname(tsFolder);
  const installed = /(site|dist)-packages/.test(parent);
  const paths = [
    resolve(folder),
    ...(inherited ? [inherited] : []),
    ...(installed ? [] : [parent]),
  ];
  return paths.join(delimiter);
}

import { resolve } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import { addon } from './binding.js';

/**
 * Loads shared libraries that register operators for TorchScript files, for the life of the process
 * and before the first model. They are native code of this process: the paths must come from the
 * operator's own configuration.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the library and why it cannot be loaded
 */
export function loadOperatorLibraries(paths: readonly string[], folder: string): void {
  for (const path of paths) {
    try {
      addon().loadOperatorLibrary(resolve(folder, path));
    } catch (error) {
      if (error instanceof SconceError) throw error;
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `operatorLibraries: ${path} cannot be loaded: ${messageOf(error)}`,
      );
    }
  }
}

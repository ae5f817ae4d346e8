import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, SconceError } from '../errors.js';

export interface ConfigFileRequest {
  /** Flag `--ts-config`. */
  configFile?: string | undefined;
  /** A `.cfg` that an earlier run has left, used when no other file is named. */
  snapshot?: string | undefined;
  environment: NodeJS.ProcessEnv;
  workingFolder: string;
}

/**
 * Which config.properties is read, as it was named: `TS_CONFIG_FILE`, then `--ts-config`, then the
 * snapshot, then config.properties of the working folder if there is one.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when the file that was named is not there.
 */
export function findConfigFile(request: ConfigFileRequest): string | undefined {
  const named = [
    { path: request.environment.TS_CONFIG_FILE, what: 'TS_CONFIG_FILE' },
    { path: request.configFile, what: '--ts-config' },
    { path: request.snapshot, what: 'snapshot' },
  ];
  for (const { path, what } of named) {
    if (path === undefined || path === '') continue;
    if (existsSync(resolve(request.workingFolder, path))) return path;
    throw new SconceError('INVALID_CONFIGURATION', `${what} file not found: ${path}`);
  }
  return existsSync(resolve(request.workingFolder, 'config.properties'))
    ? 'config.properties'
    : undefined;
}

/**
 * The bytes of a configuration file.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be read.
 */
export function readConfigFile(path: string, workingFolder: string): Uint8Array {
  try {
    return readFileSync(resolve(workingFolder, path));
  } catch (error) {
    const why = messageOf(error);
    throw new SconceError('INVALID_CONFIGURATION', `${path} cannot be read: ${why}`);
  }
}

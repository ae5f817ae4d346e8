import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import type { ChannelFile, Layout } from './channel.js';
import { LineBuffer } from './line-buffer.js';
import { RotatingFile, type Rotation } from './rotating-file.js';

/** TorchServe's log files, with the layout of each. */
const layouts = {
  access_log: 'message',
  ts_log: 'full',
  model_log: 'full',
  ts_metrics: 'message',
  model_metrics: 'message',
} as const satisfies Record<string, Layout>;

export type LogFileName = keyof typeof layouts;

export type LogFiles = ReadonlyMap<LogFileName, ChannelFile>;

interface LogFolder {
  path: string | undefined;
  setting: string;
  howToChange: string;
  files: readonly LogFileName[];
}

export interface LogLocations {
  /** Folder of all files; undefined for none. */
  logLocation: string | undefined;
  /** Folder of the two files of metrics; undefined for logLocation. */
  metricsLocation: string | undefined;
}

/**
 * Opens the log files. Folders that are missing are made.
 *
 * @param report takes a sentence when lines are lost later
 * @throws {SconceError} INVALID_CONFIGURATION when a folder or a file in it cannot be written; no
 * file is left open then.
 */
export async function openLogFiles(
  locations: LogLocations,
  rotation: Rotation,
  report: (fault: string) => void,
): Promise<LogFiles> {
  const opened = new Map<LogFileName, ChannelFile>();
  try {
    for (const folder of foldersOf(locations)) {
      for (const name of folder.files) {
        const file = await openIn(folder, name, rotation);
        if (file === undefined) continue;
        opened.set(name, { buffer: new LineBuffer(file, report), layout: layouts[name] });
      }
    }
    return opened;
  } catch (error) {
    await Promise.all([...opened.values()].map(({ buffer }) => buffer.close()));
    throw error;
  }
}

function foldersOf({ logLocation, metricsLocation }: LogLocations): LogFolder[] {
  const logs = {
    path: logLocation,
    setting: 'logLocation',
    howToChange: '--log-location or LOG_LOCATION',
  };
  const metrics = {
    path: metricsLocation,
    setting: 'metricsLocation',
    howToChange: 'METRICS_LOCATION',
  };
  return [
    { ...logs, files: ['access_log', 'ts_log', 'model_log'] },
    { ...(metricsLocation === undefined ? logs : metrics), files: ['ts_metrics', 'model_metrics'] },
  ];
}

async function openIn(
  folder: LogFolder,
  name: LogFileName,
  rotation: Rotation,
): Promise<RotatingFile | undefined> {
  if (folder.path === undefined) return undefined;
  const path = resolve(folder.path);
  try {
    await makeFolder(path);
    await access(path, constants.W_OK | constants.X_OK);
    return await RotatingFile.open(path, `${name}.log`, rotation);
  } catch (error) {
    const reason = messageOf(error);
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `${folder.setting}: ${name}.log cannot be written in ${path}: ${reason}. Make the folder writable, or name another with ${folder.howToChange}.`,
    );
  }
}

/** Node's own recursive mkdir never ends where the system refuses folders with ENOENT: in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await makeLastFolder(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || path === dirname(path)) throw error;
    await makeFolder(dirname(path));
    await makeLastFolder(path);
  }
}

async function makeLastFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

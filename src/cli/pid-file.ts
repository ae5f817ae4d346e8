import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf, SconceError } from '../errors.js';
import { isProcessAlive } from '../process-alive.js';

/** Where TorchServe keeps the number of the process that runs. */
export function pidFile(): string {
  return join(tmpdir(), '.model_server.pid');
}

/** The server that the pid file names, while it lives. */
export function runningServer(): number | undefined {
  const pid = readPid();
  // A number that is left from before this machine or container started may be anybody's now.
  if (pid === undefined || pid === process.pid || pid === process.ppid) return undefined;
  return isServer(pid) ? pid : undefined;
}

/**
 * Writes this process's number, unless the file names a server that runs. The file is there whole
 * or not at all: of servers that start at the same time one gets it.
 *
 * @returns whether it is this process's now
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be written
 */
export function claimPidFile(): boolean {
  const path = pidFile();
  const own = `${path}.${process.pid}`;
  try {
    rmSync(own, { force: true });
    writeFileSync(own, String(process.pid), { mode: 0o644, flag: 'wx' });
    while (!linkUnlessThere(own, path)) {
      if (runningServer() !== undefined) return false;
      rmSync(path, { force: true });
    }
    return true;
  } catch (error) {
    const why = messageOf(error);
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `The pid file ${path} cannot be written: ${why}. Name another folder with TMPDIR.`,
    );
  } finally {
    rmSync(own, { force: true });
  }
}

/** Removes the pid file, if it still names this process. */
export function removePidFile(pid: number): void {
  if (readPid() === pid) rmSync(pidFile(), { force: true });
}

/**
 * Whether a server runs under this number. It is used again after its process has gone, and what
 * nobody has waited for still has one: the command line tells.
 */
export function isServer(pid: number): boolean {
  if (!isProcessAlive(pid)) return false;
  try {
    const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const script = args.find((arg) => !arg.startsWith('-')) ?? '';
    return basename(program).startsWith('node') && isServerScript(script);
  } catch {
    // No /proc on this system: being alive has to do.
    return isProcessAlive(pid);
  }
}

/** By its path in the package, or as npm links it. */
function isServerScript(path: string): boolean {
  return (
    /(^|\/)cli\/(main|torchserve)\.js$/.test(path) || /^(sconce|torchserve)$/.test(basename(path))
  );
}

function readPid(): number | undefined {
  try {
    const text = readFileSync(pidFile(), 'utf8').trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function linkUnlessThere(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

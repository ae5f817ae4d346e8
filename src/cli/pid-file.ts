import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where TorchServe keeps the number of the process that runs. */
export function pidFile(): string {
  return join(tmpdir(), '.model_server.pid');
}

/** The server that the pid file names, while it lives. */
export function runningServer(): number | undefined {
  const pid = readPid();
  return pid !== undefined && pid !== process.pid && isServer(pid) ? pid : undefined;
}

export function writePidFile(pid: number): void {
  writeFileSync(pidFile(), String(pid), { mode: 0o644 });
}

/** Removes the pid file, if it still names this process. */
export function removePidFile(pid: number): void {
  if (readPid() === pid) rmSync(pidFile(), { force: true });
}

/** True while the process lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function readPid(): number | undefined {
  try {
    const text = readFileSync(pidFile(), 'utf8').trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** A number is used again after its process has gone: what runs under it must be a server. */
function isServer(pid: number): boolean {
  if (!isAlive(pid)) return false;
  try {
    return /sconce|torchserve|cli\/main\.js/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    // No /proc on this system: being alive has to do.
    return true;
  }
}

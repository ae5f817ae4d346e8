import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Profile } from '../config/resolve.js';
import { isAlive, removePidFile, runningServer, writePidFile } from './pid-file.js';

const mainFile = fileURLToPath(new URL('./main.js', import.meta.url));

/** Milliseconds between two looks at a process that is to end. */
const pollInterval = 50;

/** Milliseconds that a stop waits: longer than the longest drain by default. */
const longestStop = 60_000;

/** How a server is called in messages. */
const names: Record<Profile, { name: string; stop: string }> = {
  sconce: { name: 'Sconce', stop: 'sconce stop' },
  torchserve: { name: 'TorchServe', stop: 'torchserve --stop' },
};

/**
 * Starts a server in the background; its output goes where this command's goes. Returns when its
 * ports are open.
 *
 * @param flags of `sconce serve`
 * @returns the exit code
 */
export async function startInBackground(
  flags: readonly string[],
  profile: Profile,
): Promise<number> {
  if (refuseSecond(profile)) return 1;
  const child = spawn(
    process.execPath,
    ['--single-threaded-gc', mainFile, 'serve', '--profile', profile, ...flags],
    { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  if (child.pid !== undefined) writePidFile(child.pid);
  const code = await listening(child);
  if (code !== 0 && child.pid !== undefined) removePidFile(child.pid);
  return code;
}

/** Says so when a server runs already. */
export function refuseSecond(profile: Profile): boolean {
  if (runningServer() === undefined) return false;
  const { name, stop } = names[profile];
  console.log(`${name} is already running, please use ${stop} to stop ${name}.`);
  return true;
}

/** 0 when the ports are open, else the exit code of the server. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', () => {
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.once('exit', (code) => resolve(code ?? 1));
    child.once('error', (error) => {
      console.error(`The server cannot be started: ${error.message}`);
      resolve(1);
    });
  });
}

/**
 * Stops the server that runs, and waits until it has answered what was in flight.
 *
 * @returns the exit code
 */
export async function stopServer(profile: Profile): Promise<number> {
  const { name } = names[profile];
  const pid = runningServer();
  if (pid === undefined) {
    console.log(`${name} is not currently running.`);
    return 0;
  }
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + longestStop;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      console.error(`${name} (process ${pid}) has not ended within ${longestStop / 1000} seconds.`);
      return 1;
    }
    await delay(pollInterval);
  }
  removePidFile(pid);
  console.log(`${name} has stopped.`);
  return 0;
}

/**
 * Says whether a server runs.
 *
 * @returns 0 when one does, else 3, as service managers expect
 */
export function printStatus(): number {
  const pid = runningServer();
  console.log(pid === undefined ? 'Sconce is not running.' : `Sconce runs as process ${pid}.`);
  return pid === undefined ? 3 : 0;
}

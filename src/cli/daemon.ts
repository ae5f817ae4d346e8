import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Profile } from '../config/resolve.js';
import { messageOf, SconceError } from '../errors.js';
import { claimPidFile, isServer, removePidFile, runningServer } from './pid-file.js';
import { stopSignals } from './stop-signals.js';

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
 * ports are open. Until then a signal to this command ends the server, too.
 *
 * @param flags of `sconce serve`
 * @returns the exit code
 */
export async function startInBackground(
  flags: readonly string[],
  profile: Profile,
): Promise<number> {
  if (refuseSecond(profile)) return 1;
  let child: ChildProcess | undefined;
  const stop = () => child?.kill();
  for (const signal of stopSignals) process.on(signal, stop);
  try {
    child = spawn(
      process.execPath,
      ['--single-threaded-gc', mainFile, 'serve', '--background', '--profile', profile, ...flags],
      { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    return await listening(child);
  } finally {
    for (const signal of stopSignals) process.off(signal, stop);
  }
}

/** Says so when a server runs already. */
export function refuseSecond(profile: Profile): boolean {
  if (runningServer() === undefined) return false;
  console.log(alreadyRunning(profile));
  return true;
}

/**
 * Makes this process the server that `stop` stops, until it exits.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when there is one already, or the file cannot be
 *   written
 */
export function becomeStoppable(profile: Profile): void {
  if (!claimPidFile()) throw new SconceError('INVALID_CONFIGURATION', alreadyRunning(profile));
  process.once('exit', () => removePidFile(process.pid));
}

function alreadyRunning(profile: Profile): string {
  const { name, stop } = names[profile];
  return `${name} is already running, please use ${stop} to stop ${name}.`;
}

/** 0 when the ports are open, else the exit code of the server. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', () => {
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.once('exit', (code) => resolve(code || 1));
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
 * @throws {SconceError} INVALID_CONFIGURATION when it belongs to another user
 */
export async function stopServer(profile: Profile): Promise<number> {
  const { name } = names[profile];
  const pid = runningServer();
  if (pid === undefined) {
    console.log(`${name} is not currently running.`);
    return 0;
  }
  terminate(pid, name);
  const deadline = performance.now() + longestStop;
  while (isServer(pid)) {
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

function terminate(pid: number, name: string): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // Another one has ended it in between.
    if (!isServer(pid)) return;
    const why = messageOf(error);
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `${name} (process ${pid}) cannot be stopped: ${why}`,
    );
  }
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

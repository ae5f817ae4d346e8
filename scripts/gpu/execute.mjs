import { spawn } from 'node:child_process';

/** Milliseconds between the request to end and the end: programs end what they have started. */
const patience = 12_000;

/** Process groups that run now. */
const groups = new Set();

/**
 * Runs a command in a process group of its own, for at most so many seconds. Nothing of the group
 * outlives the call.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} options
 * @param {number} options.seconds
 * @param {(text: string) => void} options.onText what it prints, both streams
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @returns {Promise<{ code: number, timedOut: boolean }>} code 127 when the command does not exist, 128
 *   when a signal ended it
 */
export function execute(command, args, { seconds, onText, cwd, env }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...{ cwd, env, detached: true },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid === undefined) {
      child.once('error', (error) => {
        onText(`${error.message}\n`);
        resolve({ code: 127, timedOut: false });
      });
      return;
    }
    const group = child.pid;
    groups.add(group);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', onText);
    }
    let timedOut = false;
    let killing;
    const overdue = setTimeout(() => {
      timedOut = true;
      signalGroup(group, 'SIGTERM');
      killing = setTimeout(() => signalGroup(group, 'SIGKILL'), patience);
    }, seconds * 1000);
    // What it has started and left behind would hold the pipes open.
    child.once('exit', () => signalGroup(group, 'SIGKILL'));
    child.once('close', (code) => {
      clearTimeout(overdue);
      clearTimeout(killing);
      groups.delete(group);
      resolve({ code: code ?? 128, timedOut });
    });
  });
}

/** Ends everything that runs now. */
export function killAll() {
  for (const group of groups) signalGroup(group, 'SIGKILL');
}

function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // It has ended, or what is left of it is nobody's.
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error;
  }
}

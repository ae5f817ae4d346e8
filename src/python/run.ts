import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';
import { LineSplitter } from './line-splitter.js';

export interface RunOptions {
  cwd: string;
  environment?: NodeJS.ProcessEnv;
  /** Milliseconds; then the process is killed, with its children. */
  timeout: number;
  /** Each line of standard output and standard error as it comes. */
  onLine?: (text: string) => void;
}

export interface RunResult {
  /** As a shell has it: 127 for a program that does not start, 128 and more for a signal. */
  code: number;
  /** The last lines of either stream. */
  stdout: string[];
  stderr: string[];
  timedOut: boolean;
}

/** Lines that are kept of a stream. */
const keptLines = 50;

/** Runs a program to its end, in a process group of its own. Never rejects. */
export function runProgram(
  executable: string,
  args: readonly string[],
  { cwd, environment, timeout, onLine = () => {} }: RunOptions,
): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(executable, args, {
      cwd,
      env: environment ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const result: RunResult = { code: 127, stdout: [], stderr: [], timedOut: false };
    for (const name of ['stdout', 'stderr'] as const) {
      const lines = result[name];
      const splitter = new LineSplitter((text) => {
        onLine(text);
        lines.push(text);
        if (lines.length > keptLines) lines.shift();
      });
      // There are no streams when the process may open no more files.
      const stream: Readable | undefined = child[name];
      stream?.on('data', (chunk: Buffer) => splitter.push(chunk));
      stream?.on('end', () => splitter.end());
    }
    const overdue = setTimeout(() => {
      result.timedOut = true;
      killGroup(child.pid, 'SIGKILL');
    }, timeout);
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      clearTimeout(overdue);
      resolve({ ...result, stderr: [messageOf(error)] });
    });
    // What is left of the group would keep the pipes open.
    child.once('exit', () => killGroup(child.pid, 'SIGKILL'));
    child.once('close', (code, signal) => {
      clearTimeout(overdue);
      resolve({ ...result, code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
    });
  });
}

/** Sends a signal to a process and its children, as far as they have not left its group. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
}

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { OutputReader } from './output-reader.js';
import { killGroup } from './run.js';

export interface ChildOptions {
  executable: string;
  args: readonly string[];
  cwd: string;
  environment: NodeJS.ProcessEnv;
  onLine(stream: 'stdout' | 'stderr', text: string): void;
}

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It was stopped or killed from here. */
  asked: boolean;
}

/** Milliseconds that a process has to end after SIGTERM. */
const terminationTimeout = 2000;

/** Milliseconds for the output of a process that is gone; who left its group may hold the pipes. */
const outputTimeout = 1000;

/**
 * Asks the kernel to kill the process when its server is gone, then becomes Python proper. Without
 * ctypes, or on another system, the worker ends when it finds its socket closed.
 */
const launcher = `
import os, sys
if sys.platform == "linux":
    try:
        import ctypes
        ctypes.CDLL(None).prctl(1, 9)
    except (ImportError, OSError, AttributeError):
        pass
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
`;

/** Groups that must not outlive this process. */
const running = new Set<number>();

let watching = false;

/** A Python process in a group of its own. To be started from the main thread. */
export class PythonChild {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when it is gone and what it printed was passed on. */
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #readers: OutputReader[];
  #asked = false;
  #gone = false;

  constructor({ executable, args, cwd, environment, onLine }: ChildOptions) {
    // -I and -S: quick, and nothing of the model's folder counts yet.
    const words = ['-ISc', launcher, String(process.pid), executable, ...args];
    this.#child = spawn(executable, words, {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = this.#child.pid;
    this.#readers = (['stdout', 'stderr'] as const).map(
      (name) => new OutputReader(this.#child[name], (text) => onLine(name, text)),
    );
    this.ended = this.#end((text) => onLine('stderr', text));
    if (this.pid !== undefined) watch(this.pid);
  }

  /** SIGTERM, and SIGKILL when that is not enough. */
  stop(): void {
    if (this.#gone) return;
    this.#asked = true;
    killGroup(this.pid, 'SIGTERM');
    const overdue = setTimeout(() => this.kill(), terminationTimeout);
    this.ended.then(() => clearTimeout(overdue));
  }

  kill(): void {
    if (this.#gone) return;
    this.#asked = true;
    killGroup(this.pid, 'SIGKILL');
  }

  #end(onFailure: (text: string) => void): Promise<ChildEnd> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        if (this.pid !== undefined) return;
        onFailure(error.message);
        resolve({ code: 127, signal: null, asked: false });
      });
      this.#child.once('exit', (code, signal) => {
        this.#gone = true;
        const end = { code, signal, asked: this.#asked };
        if (this.pid !== undefined) {
          killGroup(this.pid, 'SIGKILL');
          running.delete(this.pid);
        }
        this.#finishReading().then(() => resolve(end));
      });
    });
  }

  async #finishReading(): Promise<void> {
    for (const reader of this.#readers) reader.hurry();
    const overdue = setTimeout(() => {
      this.#child.stdout.destroy();
      this.#child.stderr.destroy();
    }, outputTimeout);
    await Promise.all(this.#readers.map((reader) => reader.ended));
    clearTimeout(overdue);
  }
}

function watch(pid: number): void {
  running.add(pid);
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const group of running) killGroup(group, 'SIGKILL');
  });
}

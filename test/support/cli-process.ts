import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cli, root } from './paths.js';

export interface CliExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface CliOptions {
  /** The script; `sconce` without one. */
  main?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Milliseconds after which a process is killed: a test that waits for it fails then. */
const longestRun = 120_000;

/** Processes that must not outlive the tests, whatever ends these. */
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// How the test runner ends a file that takes too long.
process.once('SIGTERM', () => process.exit(1));

/** The command line as a process of its own, with what it prints. `await using` kills it. */
export class CliProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Resolves when the process has ended and everything it printed was read. */
  readonly exit: Promise<CliExit>;
  /** Resolves when the process has ended; who inherited its output may still run. */
  readonly ended: Promise<CliExit>;

  constructor(args: readonly string[], { main = cli, cwd = root, env }: CliOptions = {}) {
    this.#child = spawn(process.execPath, [main, ...args], {
      cwd,
      // Nothing is searched for, and nothing kept in the user's folder, unless a test asks.
      env: { ...process.env, SCONCE_PLAN: 'off', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exit = this.#event('close');
    this.ended = this.#event('exit');
    const overdue = setTimeout(() => this.kill('SIGKILL'), longestRun);
    this.ended.then(() => {
      clearTimeout(overdue);
      running.delete(this.#child);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until standard output matches; fails when the process ends before. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found !== null) return found;
      const more = await Promise.race([
        once(this.#child.stdout ?? process.stdin, 'data').then(() => true),
        this.exit.then(() => false),
      ]);
      if (!more && !pattern.test(this.stdout)) {
        throw new Error(`it ended without printing ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
    }
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** Reads no more of what the process prints, and closes the pipes. */
  stopReading(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    this.stopReading();
    await this.ended;
  }

  #event(name: 'close' | 'exit'): Promise<CliExit> {
    return new Promise((resolve) => {
      this.#child.once(name, (code: number | null, signal: NodeJS.Signals | null) =>
        resolve({ code, signal }),
      );
    });
  }
}

/** Flags for a server on free ports. */
export const freePorts = ['inference', 'management', 'metrics'].flatMap((name) => [
  `--${name}-address`,
  'http://127.0.0.1:0',
]);

export interface CliAddresses {
  inference: string;
  management: string;
  metrics: string;
}

/** Waits until the ports are open; models may still be loading. */
export async function listening(process: CliProcess): Promise<CliAddresses> {
  const [, inference = '', management = '', metrics = ''] = await process.printed(
    /^Model server started\.\nInference: +(http:\S+)\/predictions\/\{model\}\nManagement: +(http:\S+)\/models\nMetrics: +(http:\S+)\/metrics\n/m,
  );
  return { inference, management, metrics };
}

/** Waits until the models are loaded; `last` is the last line that the server prints. */
export async function ready(process: CliProcess): Promise<CliAddresses & { last: string }> {
  const addresses = await listening(process);
  const [, last = ''] = await process.printed(/^((?:curl |No model is served: ).+)\n/m);
  return { ...addresses, last };
}

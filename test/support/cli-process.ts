import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cli, root } from './paths.js';

export interface CliExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The command line as a process of its own, with what it prints. */
export class CliProcess {
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Resolves when the process has ended and everything it printed was read. */
  readonly exit: Promise<CliExit>;

  constructor(args: readonly string[], main = cli) {
    this.#child = spawn(process.execPath, [main, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exit = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
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
  /** The last line. */
  curl: string;
}

/** Waits until the server has printed that it serves. */
export async function ready(process: CliProcess): Promise<CliAddresses> {
  const [, inference = '', management = '', metrics = '', curl = ''] = await process.printed(
    /^Inference: +(http:\S+)\/predictions\/\{model\}\nManagement: +(http:\S+)\/models\nMetrics: +(http:\S+)\/metrics\n(.+)\n/m,
  );
  return { inference, management, metrics, curl };
}

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliProcess, freePorts } from './cli-process.js';
import { root } from './paths.js';

const torchserveMain = join(root, 'dist/src/cli/torchserve.js');

/**
 * A working folder that is its own folder for temporary files as well, so that servers of other
 * tests are not in the way. At the end of the scope no server of it is left, nor the folder.
 */
export class Sandbox implements AsyncDisposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'sconce-cli-')));
  readonly #started: CliProcess[] = [];
  readonly #clear = () => {
    this.#killServers();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  };

  constructor() {
    process.once('exit', this.#clear);
  }

  readonly serverFlags = [...freePorts, '--device', 'cpu', '--disable-system-metrics'];

  /** `torchserve` here. */
  torchserve(...args: string[]): CliProcess {
    return this.#start(torchserveMain, args);
  }

  /** `torchserve` that serves here, on free ports; this folder is its model store unless told. */
  start(...args: string[]): CliProcess {
    return this.torchserve(...this.serverFlags, '--model-store', '.', ...args);
  }

  /** `sconce` here. */
  sconce(...args: string[]): CliProcess {
    return this.#start(undefined, args);
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  folderAt(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    return path;
  }

  /** Names of what is here. */
  get files(): string[] {
    return this.filesOf('.');
  }

  filesOf(name: string): string[] {
    return readdirSync(join(this.folder, name)).sort();
  }

  /** The server that the pid file names. */
  get pid(): number {
    return Number(this.read('.model_server.pid'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#clear);
    for (const started of this.#started) await started[Symbol.asyncDispose]();
    this.#clear();
  }

  #start(main: string | undefined, args: readonly string[]): CliProcess {
    const env = { TMPDIR: this.folder };
    const started = new CliProcess(args, {
      cwd: this.folder,
      env,
      ...(main === undefined ? {} : { main }),
    });
    this.#started.push(started);
    return started;
  }

  /** Those in the background, which nobody else knows; found by their folder. */
  #killServers(): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (environmentOf(pid).includes(`TMPDIR=${this.folder}`)) kill(Number(pid));
    }
  }
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // It has ended, or is another user's.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

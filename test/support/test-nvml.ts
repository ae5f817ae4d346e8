import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.js';
import { TemporaryFolder } from './temporary-folder.js';

const source = join(root, 'test/fixtures/nvml/nvml.c');

/** For node:test: false, or why tests with a driver's library of their own are left out. */
export const withoutTestNvml: string | false = reasonAgainst();

function reasonAgainst(): string | false {
  if (process.platform !== 'linux') return 'the driver’s library is looked for on Linux';
  return spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler: cc is not there';
}

/** A folder with a libnvidia-ml.so.1 that knows two GPUs; processes that are given `env` find it. */
export class TestNvml implements Disposable {
  readonly #folder = new TemporaryFolder();

  /** @param macros what the fixture is compiled with */
  constructor(...macros: string[]) {
    const library = join(this.#folder.path, 'libnvidia-ml.so.1');
    const defined = macros.map((macro) => `-D${macro}`);
    execFileSync('cc', [
      '-std=c11',
      '-D_GNU_SOURCE',
      '-shared',
      '-fPIC',
      ...defined,
      '-o',
      library,
      source,
    ]);
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** For child processes, which see none of the GPUs that this machine may have. */
  get env(): NodeJS.ProcessEnv {
    return libraryFolder(this.folder);
  }

  /** A driver that does not answer before open() is called. */
  gate(): { env: NodeJS.ProcessEnv; open: () => void } {
    const path = join(this.folder, 'gate');
    execFileSync('mkfifo', [path]);
    return {
      env: { ...this.env, TEST_NVML_GATE: path },
      // Opening it to write waits for who reads; for both it does not.
      open: () => closeSync(openSync(path, 'r+')),
    };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** The environment of a process that finds its libraries there first, and sees no GPU by CUDA. */
export function libraryFolder(folder: string): NodeJS.ProcessEnv {
  const { LD_LIBRARY_PATH: others } = process.env;
  return {
    LD_LIBRARY_PATH: others ? `${folder}:${others}` : folder,
    CUDA_VISIBLE_DEVICES: '',
  };
}

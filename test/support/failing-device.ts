import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const source = join(root, 'test/fixtures/operators/faults.cc');

/** What a model breaks its device with, and what is told of it. */
export const deviceFailure = 'CUDA error: device-side assert triggered';

/**
 * A library of operators for the models `faulty.pt` and `faulty_zeros.pt`, which fail as a GPU does
 * that runs nothing any more: compiled with the system's compiler, once for each LibTorch.
 *
 * @returns its path; undefined where it cannot be compiled: the test is skipped then, saying why
 */
export function failingOperators(t: TestContext): string | undefined {
  const { library, problem } = compiled();
  if (problem !== undefined) t.skip(problem);
  return library;
}

function compiled(): { library?: string; problem?: string } {
  const libtorch = libtorchFolder();
  if (!existsSync(join(libtorch, 'include'))) return { problem: `no headers in ${libtorch}` };
  const key = createHash('sha256').update(libtorch).update(readFileSync(source)).digest('hex');
  const folder = join(root, 'build/test-operators');
  const library = join(folder, `faults-${key.slice(0, 16)}.so`);
  if (existsSync(library)) return { library };
  mkdirSync(folder, { recursive: true });
  // Tests of several processes may be compiling it.
  const own = `${library}.${process.pid}`;
  const problem = compile(libtorch, own);
  if (problem !== undefined) return { problem };
  renameSync(own, library);
  return { library };
}

/** Why it cannot be compiled, or undefined. */
function compile(libtorch: string, target: string): string | undefined {
  const include = join(libtorch, 'include');
  const lib = join(libtorch, 'lib');
  const { error, status, stderr } = spawnSync(
    process.env.CXX ?? 'c++',
    [
      ...['-std=c++20', '-O0', '-shared', '-fPIC', source, '-o', target],
      ...['-isystem', include, '-isystem', join(include, 'torch/csrc/api/include')],
      ...[`-L${lib}`, '-lc10', '-ltorch_cpu', `-Wl,-rpath,${lib}`],
    ],
    { encoding: 'utf8' },
  );
  if (error !== undefined) return `no C++ compiler: ${error.message}`;
  if (status !== 0) throw new Error(`${source} does not compile:\n${stderr.slice(0, 4000)}`);
  return undefined;
}

/** The LibTorch that the addon was built with; the one to build with where nobody remembers. */
function libtorchFolder(): string {
  const stamp = join(root, 'build/native-stamp.json');
  if (!existsSync(stamp)) return process.env.LIBTORCH ?? '';
  const { configuration }: { configuration: string } = JSON.parse(readFileSync(stamp, 'utf8'));
  const { libtorch }: { libtorch: string[] } = JSON.parse(configuration);
  return libtorch[0] ?? '';
}

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The interpreter with torchserve, torch and what the handlers of the tests import: what
 * SCONCE_TEST_PYTHON names, else what `node scripts/test-python.mjs` has put into the cache.
 */
export function testPython(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env.SCONCE_TEST_PYTHON;
  if (named !== undefined && named !== '') return named;
  const made = join(cacheFolder(env), testPythonName(), 'bin/python');
  return existsSync(made) ? made : undefined;
}

/** For node:test: false, or why the tests that need Python are left out. */
export const withoutPython: string | false =
  testPython() === undefined
    ? 'no Python with torchserve: run `node scripts/test-python.mjs`, or set SCONCE_TEST_PYTHON'
    : false;

/** The interpreter, in tests that are left out without one. */
export function requirePython(): string {
  const python = testPython();
  if (python === undefined) throw new Error(String(withoutPython));
  return python;
}

/** The same folder as in scripts/lib/test-python.mjs; a test of that script compares them. */
function testPythonName(): string {
  return `test-python-2-${process.platform}-${process.arch}`;
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.SCONCE_CACHE) return env.SCONCE_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'sconce');
  const home = env.HOME || homedir();
  const mac = process.platform === 'darwin';
  return mac ? join(home, 'Library/Caches/sconce') : join(home, '.cache/sconce');
}

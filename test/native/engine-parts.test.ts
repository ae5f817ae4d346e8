import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sconce-parts-'));
after(() => rmSync(folder, { recursive: true }));

const compiler = process.env.CXX ?? 'c++';

async function hasCompiler(): Promise<boolean> {
  try {
    await run(compiler, ['--version']);
    return true;
  } catch {
    return false;
  }
}

const skip = (await hasCompiler()) ? false : `no C++ compiler: ${compiler} does not run`;

/**
 * Parts of the engine that only builds for CUDA contain, and that need none: compiled here with a
 * program that checks them. It ends with 0, or says what was wrong.
 */
suite('parts of the engine for GPUs', { skip }, () => {
  for (const part of ['busy_time', 'precision_gate', 'device_health']) {
    test(part, async () => {
      const program = join(folder, part);
      await run(compiler, [
        '-std=c++20',
        '-O1',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-pthread',
        `-I${join(root, 'native')}`,
        `-I${join(root, 'test/native/parts')}`,
        join(root, `test/native/parts/${part}_test.cc`),
        join(root, `native/engine/${part}.cc`),
        '-o',
        program,
      ]);
      await run(program, { timeout: 60_000 });
    });
  }
});

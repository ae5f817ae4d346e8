import { join, relative } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { listFiles } from './lib/files.mjs';
import { runAsScript } from './lib/main.mjs';
import { runVisible } from './lib/process.mjs';
import { root } from './lib/root.mjs';
import { SetupError } from './lib/setup-error.mjs';

/**
 * The test files, relative to the root, whose path holds one of the substrings (all without).
 * They are listed from test/, so that what tsc compiled of a deleted file does not run.
 *
 * @param {string[]} substrings
 */
export function testFiles(substrings) {
  const compiled = listFiles(join(root, 'test'), ['.test.ts']).map((path) =>
    join('dist', relative(root, path).replace(/\.ts$/, '.js')),
  );
  const plain = listFiles(join(root, 'test'), ['.test.mjs']).map((path) => relative(root, path));
  return [...compiled, ...plain].filter(
    (path) => substrings.length === 0 || substrings.some((text) => path.includes(text)),
  );
}

await runAsScript(import.meta.url, async () => {
  await bootstrap();
  const files = testFiles(process.argv.slice(2));
  if (files.length === 0) throw new SetupError('No test file has such a path.');
  return runVisible(
    process.execPath,
    ['--enable-source-maps', '--test', '--test-concurrency=2', ...files],
    { cwd: root },
  );
});

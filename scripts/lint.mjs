import { join, relative } from 'node:path';
import { checkNodeVersion, ensureDependencies } from './bootstrap.mjs';
import { checkLayers } from './check-layers.mjs';
import { listFiles } from './lib/files.mjs';
import { runAsScript } from './lib/main.mjs';
import { runVisible } from './lib/process.mjs';
import { stopwatch } from './lib/progress.mjs';
import { root } from './lib/root.mjs';
import { missingTools, missingToolsMessage } from './lib/tools.mjs';

const program = (name) => join(root, 'node_modules/.bin', name);

/** Each check prints what it finds and says whether all is well. */
const checks = {
  biome: () => succeeds(program('biome'), ['ci']),
  'clang-format': checkClangFormat,
  layers: () => {
    const violations = checkLayers(root);
    for (const violation of violations) console.error(violation);
    return violations.length === 0;
  },
  types: () => succeeds(program('tsc'), ['--noEmit']),
};

async function succeeds(command, args) {
  return (await runVisible(command, args, { cwd: root })) === 0;
}

async function checkClangFormat() {
  const missing = missingTools(['clang-format']);
  if (missing.length > 0) {
    console.error(missingToolsMessage(missing, 'Checking the format of native/'));
    return false;
  }
  const files = listFiles(join(root, 'native'), ['.cc', '.h']).map((path) => relative(root, path));
  return files.length === 0 || succeeds('clang-format', ['--dry-run', '-Werror', ...files]);
}

await runAsScript(import.meta.url, async () => {
  checkNodeVersion();
  await ensureDependencies();
  const summary = [];
  for (const [name, check] of Object.entries(checks)) {
    const elapsed = stopwatch();
    const passed = await check();
    summary.push({ name, passed, time: elapsed() });
  }
  for (const { name, passed, time } of summary) {
    console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${time})`);
  }
  return summary.every(({ passed }) => passed) ? 0 : 1;
});

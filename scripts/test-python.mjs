import { existsSync } from 'node:fs';
import { runAsScript } from './lib/main.mjs';
import { makeTestPython, testPythonPath } from './lib/test-python.mjs';

/**
 * The interpreter that the tests of Python handlers run on: makes it once and prints its path.
 * With `--print` it only prints the path, where it is there; the exit code says whether.
 */
await runAsScript(import.meta.url, async () => {
  if (!process.argv.includes('--print')) {
    console.log(await makeTestPython(process.env));
    return 0;
  }
  const path = testPythonPath(process.env);
  if (!existsSync(path)) return 1;
  console.log(path);
  return 0;
});

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SetupError } from './setup-error.mjs';

/**
 * Runs `main` when the module is the script that node was started with. What `main` returns is
 * the exit code; a SetupError becomes one message and exit code 1.
 *
 * @param {string} moduleUrl `import.meta.url` of the script
 * @param {() => Promise<number | void> | number | void} main
 */
export async function runAsScript(moduleUrl, main) {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(moduleUrl)) return;
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

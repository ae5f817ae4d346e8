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
    const message = error instanceof SetupError ? error.message : cannotWrite(error);
    if (message === undefined) throw error;
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
  }
}

/** What to do about a folder that cannot be written; undefined for any other error. */
function cannotWrite(error) {
  const reasons = { EACCES: 'permission denied', EROFS: 'read-only', ENOSPC: 'the disk is full' };
  const reason = reasons[error?.code];
  if (reason === undefined) return undefined;
  return (
    `${error.path ?? 'A file'} cannot be written: ${reason}.\n` +
    'Set SCONCE_CACHE to a folder for LibTorch that can be, and run in a clone that you own.'
  );
}

import { type ArchiveOptions, writeArchive } from '../archive/write.js';
import { SconceError } from '../errors.js';

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Writes an archive for a command line: a failure is one message and exit code 1. A signal ends the
 * process as it would anyway, when what was written so far is removed.
 *
 * @returns the path written; undefined after a failure.
 */
export async function runArchive(
  options: ArchiveOptions,
  fail: (message: string) => void,
): Promise<string | undefined> {
  const abort = new AbortController();
  let received: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    received ??= signal;
    abort.abort();
  };
  for (const signal of endingSignals) process.on(signal, end);
  try {
    return await writeArchive({ ...options, signal: abort.signal });
  } catch (error) {
    if (received === undefined) report(error, fail);
    return undefined;
  } finally {
    for (const signal of endingSignals) process.off(signal, end);
    if (received !== undefined) process.kill(process.pid, received);
  }
}

/** What is no failure of the operator's keeps its stack. */
function report(error: unknown, fail: (message: string) => void): void {
  if (error instanceof SconceError) fail(error.message);
  else console.error(error);
  process.exitCode = 1;
}

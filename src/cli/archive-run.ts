import { type ArchiveOptions, writeArchive } from '../archive/write.js';
import { SconceError } from '../errors.js';
import { lookAtHandler } from './archive-handler.js';

/** What was written. */
export interface WrittenArchive {
  path: string;
  /** For people: `AlphaHandler of alpha_handler.mjs`; undefined for one that was not looked at. */
  handler: string | undefined;
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Writes an archive for a command line: a failure is one message and exit code 1. A signal ends the
 * process as it would anyway, when what was written so far is removed.
 *
 * @returns the path written, and the class of a handler in JavaScript or TypeScript; undefined after
 *   a failure.
 */
export async function runArchive(
  options: ArchiveOptions,
  fail: (message: string) => void,
): Promise<WrittenArchive | undefined> {
  const abort = new AbortController();
  let received: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals) => {
    received ??= signal;
    abort.abort();
  };
  for (const signal of endingSignals) process.on(signal, end);
  try {
    const handler = await lookAtHandler(options, abort.signal);
    const path = await writeArchive({ ...options, ...handler, signal: abort.signal });
    const { name, className } = handler?.handlerCode ?? {};
    return { path, handler: className && `${className} of ${name?.replace(/:[^:]*$/, '')}` };
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

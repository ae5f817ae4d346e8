import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf, SconceError } from '../../errors.js';

/** One file of a handler's code. */
export interface CodeFile {
  /** Its path in an archive. */
  name: string;
  /** Where it is. */
  path: string;
  /** What the archive holds, when that is not what the file holds: JavaScript without types. */
  content?: string;
}

/** A handler's code, as an archive holds it. */
export interface HandlerCode {
  /** What the manifest names. */
  name: string;
  className: string;
  /** The handler and what it imports from its folder; none for a package. */
  files: readonly CodeFile[];
  /** Packages that it imports, and a file that does. */
  packages: readonly { name: string; importer: string }[];
}

/**
 * Loads a handler's code in a thread, as a server would, and lists what an archive has to hold.
 *
 * @param folder where the handler lies
 * @param handler file in that folder, or a package there; `:Class` may follow
 * @throws {SconceError} INVALID_CONFIGURATION naming file and place, as a rejection.
 */
export async function inspectHandler(
  folder: string,
  handler: string,
  signal?: AbortSignal,
): Promise<HandlerCode> {
  const worker = new Worker(new URL('./inspect-entry.js', import.meta.url), {
    workerData: { folder, handler },
  });
  const ended = new AbortController();
  worker.once('exit', () => ended.abort());
  const stop = AbortSignal.any(signal === undefined ? [ended.signal] : [ended.signal, signal]);
  try {
    const [answer]: { code?: HandlerCode; problem?: string }[] = await once(worker, 'message', {
      signal: stop,
    });
    if (answer?.code !== undefined) return answer.code;
    throw invalid(answer?.problem ?? `${handler} cannot be loaded`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SconceError) throw error;
    const why = ended.signal.aborted ? 'its thread has ended (process.exit?)' : messageOf(error);
    throw invalid(`${handler} cannot be loaded: ${why}`);
  } finally {
    await worker.terminate();
  }
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

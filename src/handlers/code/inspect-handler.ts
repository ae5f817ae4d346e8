import { once } from 'node:events';
import { delimiter, join } from 'node:path';
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

/** What the thread that loads a handler is given. */
export interface InspectOrder {
  /** Where the handler lies. */
  folder: string;
  /** File in that folder, or a package there; `:Class` may follow. */
  handler: string;
  /** Folders whose node_modules the archive will hold. */
  packages: readonly string[];
}

/** How a handler is looked at. */
export interface InspectOptions {
  signal?: AbortSignal;
  packages?: readonly string[];
  /** Milliseconds that its code may take to load. */
  longest?: number;
}

/** Exit code of a thread with nothing left to do, whose code still awaits something. */
const unsettledAwait = 13;

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
  { signal, packages = [], longest = 60_000 }: InspectOptions = {},
): Promise<HandlerCode> {
  const order: InspectOrder = { folder, handler, packages };
  // CommonJS has no hooks, and looks there last.
  const paths = [...packages.map((path) => join(path, 'node_modules')), process.env.NODE_PATH];
  const worker = new Worker(new URL('./inspect-entry.js', import.meta.url), {
    workerData: order,
    env: { ...process.env, NODE_PATH: paths.filter(Boolean).join(delimiter) },
  });
  const ended = new AbortController();
  worker.once('exit', (code) => ended.abort(endReason(code)));
  const late = AbortSignal.timeout(longest);
  const stop = AbortSignal.any([ended.signal, late, ...(signal === undefined ? [] : [signal])]);
  try {
    const [answer]: { code?: HandlerCode; problem?: string }[] = await once(worker, 'message', {
      signal: stop,
    });
    if (answer?.code !== undefined) return answer.code;
    throw invalid(answer?.problem ?? `${handler} cannot be loaded`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SconceError) throw error;
    throw invalid(`${handler} cannot be loaded: ${why(error, ended.signal, late, longest)}`);
  } finally {
    await worker.terminate();
  }
}

function why(error: unknown, ended: AbortSignal, late: AbortSignal, longest: number): string {
  if (ended.aborted) return String(ended.reason);
  if (!late.aborted) return messageOf(error);
  return `its code has not come to its end within ${longest / 1000} s of its import; what takes long, or waits, belongs into initialize()`;
}

function endReason(code: number): string {
  return code === unsettledAwait
    ? 'it awaits outside of the class what never comes'
    : `it has ended its thread with process.exit(${code})`;
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

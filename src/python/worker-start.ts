import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import { PythonChild } from './child.js';
import { WorkerConnection } from './connection.js';
import { MalformedResponse } from './otf-decoder.js';
import { encodeLoad } from './otf-encoder.js';
import { endInWords, isOutOfMemory } from './worker-end.js';
import { workerEnvironment } from './worker-environment.js';
import type { WorkerResponse } from './worker-messages.js';
import type { WorkerOptions } from './worker-options.js';
import type { WorkerOutput } from './worker-output.js';

/** Milliseconds for a worker that could not load its model to end and to say why. */
const confessionTimeout = 2000;

/** What LOAD is answered when memory has run out. */
const outOfMemoryCode = 507;

/** The process, which does not listen yet. */
export function launch(options: WorkerOptions, socketPath: string, output: WorkerOutput) {
  const { python, folder, metricsConfig } = options;
  return new PythonChild({
    executable: python.executable,
    args: [
      join(python.tsFolder, 'model_service_worker.py'),
      ...['--sock-type', 'unix', '--sock-name', socketPath],
      ...['--metrics-config', metricsConfig ?? join(python.tsFolder, 'configs/metrics.yaml')],
    ],
    cwd: resolve(folder),
    environment: workerEnvironment(options),
    onLine: (stream, text) => output.take(stream, text),
  });
}

/**
 * Waits until the process listens, connects, and lets it load the model. The process runs on when
 * that fails.
 *
 * @throws {SconceError} WORKER_START_FAILED or OUT_OF_MEMORY, as a rejection.
 */
export async function connectAndLoad(
  options: WorkerOptions,
  socketPath: string,
  child: PythonChild,
  output: WorkerOutput,
): Promise<WorkerConnection> {
  const { startupTimeout, maxResponseSize, signal } = options;
  const settled = new AbortController();
  const impatient = Promise.race([
    delay(Math.min(startupTimeout * 1000, longestTimer), undefined, settled).then(() => {
      throw overdue(startupTimeout, output);
    }),
    untilAborted(signal, settled.signal),
  ]);
  const ended = child.ended.then((end) => {
    const row = isOutOfMemory(end) ? 'OUT_OF_MEMORY' : 'WORKER_START_FAILED';
    throw new SconceError(row, endInWords(end, output.lastWords));
  });
  ended.catch(() => {});
  const opening = output.started.then(() => WorkerConnection.open(socketPath, maxResponseSize));
  try {
    const connection = await Promise.race([opening, ended, impatient]);
    const response = await Promise.race([load(options, connection), impatient]);
    if (response === undefined) throw new Error('the worker has closed its socket');
    if (response.code !== 200) throw await refusal(response, child, output);
    return connection;
  } catch (error) {
    opening.then(
      (connection) => connection.close(),
      () => {},
    );
    if (error instanceof MalformedResponse) {
      throw new SconceError('WORKER_START_FAILED', error.message);
    }
    // A socket that breaks says less than the end of the process, which follows.
    throw error instanceof SconceError ? error : await Promise.race([ended, impatient]);
  } finally {
    settled.abort();
    impatient.catch(() => {});
  }
}

function load(
  options: WorkerOptions,
  connection: WorkerConnection,
): Promise<WorkerResponse | undefined> {
  const { modelName, batchSize, handler, gpu, envelope, limitMaxImagePixels } = options;
  const modelPath = resolve(options.folder);
  const message = { modelName, modelPath, batchSize, handler, gpu, envelope, limitMaxImagePixels };
  connection.send(encodeLoad(message), 0);
  return connection.next();
}

/** The exception that the worker prints beside its answer, else the answer. */
async function refusal(
  { code, message }: WorkerResponse,
  child: PythonChild,
  output: WorkerOutput,
): Promise<SconceError> {
  await Promise.race([child.ended, delay(confessionTimeout, undefined, { ref: false })]);
  const row = code === outOfMemoryCode ? 'OUT_OF_MEMORY' : 'WORKER_START_FAILED';
  return new SconceError(row, output.lastWords.exception ?? message);
}

function overdue(startupTimeout: number, output: WorkerOutput): SconceError {
  const last = output.lastWords.text;
  const said = last === undefined ? '' : `; the last it printed: ${last}`;
  const why = `it did not load within startupTimeout (${startupTimeout} s)${said}`;
  return new SconceError('WORKER_START_FAILED', why);
}

/** Rejects when the start is called off; never settles otherwise. */
function untilAborted(signal: AbortSignal | undefined, settled: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const callOff = () => reject(new SconceError('WORKER_START_FAILED', 'it was called off'));
    if (signal?.aborted) callOff();
    else signal?.addEventListener('abort', callOff, { once: true, signal: settled });
  });
}

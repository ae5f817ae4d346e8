import { messageOf, SconceError } from '../errors.js';
import { outOfMemory } from './thread-watch.js';

const exitPattern = /^worker exited with code: (-?\d+)$/;

/** @param milliseconds in which it has not initialized its handler */
export function lateStart(milliseconds: number): SconceError {
  const why = `it was not initialized within startupTimeout (${milliseconds / 1000} s)`;
  return new SconceError('WORKER_DIED').because(why);
}

/**
 * Why a thread has ended by itself, for those whose requests it had.
 *
 * @param error what piscina's task was rejected with
 * @param memory MiB that the thread was allowed
 */
export function deathOf(error: unknown, memory: number): SconceError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return outOfMemory(memory);
  }
  const message = messageOf(error);
  const exit = exitPattern.exec(message)?.[1];
  return new SconceError('WORKER_DIED').because(
    exit === undefined
      ? `the handler left an error uncaught: ${message}`
      : `the handler ended its thread with process.exit(${exit})`,
  );
}

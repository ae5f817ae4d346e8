import { availableParallelism } from 'node:os';
import { SconceError, toSconceError } from '../errors.js';
import type { RequestHandler } from '../handlers/handler.js';
import type { HandlerThreads } from '../handlers/host/handler-spec.js';
import { longestTimer } from '../timers.js';
import { ThreadedHandler } from '../workers/threaded-handler.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';

/** How handlers of an execution come to their threads. */
export function handlerThreads(
  {
    handlerThreads,
    handlerMemory,
    batchSize,
    responseTimeout,
    startupTimeout,
  }: Pick<
    NativeExecutionOptions,
    'handlerThreads' | 'handlerMemory' | 'batchSize' | 'responseTimeout' | 'startupTimeout'
  >,
  context: Pick<NativeExecutionContext, 'metrics' | 'printed' | 'failed' | 'recovered'>,
): HandlerThreads {
  return (spec) =>
    new ThreadedHandler(spec, {
      threads: handlerThreads > 0 ? handlerThreads : threadsByDefault(),
      memory: handlerMemory,
      batchSize,
      responseTimeout: Math.min(responseTimeout * 1000, longestTimer),
      startupTimeout: Math.min(startupTimeout * 1000, longestTimer),
      metrics: (requestIds) => context.metrics.custom(requestIds),
      printed: (lines, dropped) => {
        for (const { level, text } of lines) context.printed([text], 0, level);
        if (dropped > 0) context.printed([], dropped);
      },
      failed: (error) => context.failed(error),
      recovered: () => context.recovered(),
    });
}

/**
 * Starts them.
 *
 * @throws {SconceError} INVALID_CONFIGURATION as the handler throws it, else MODEL_LOAD_FAILED, as a
 *   rejection.
 */
export async function startHandler(
  handler: RequestHandler,
  { source }: Pick<NativeExecutionOptions, 'source'>,
): Promise<void> {
  try {
    await handler.start();
  } catch (error) {
    const { code, message, reason } = toSconceError(error);
    if (code === 'INVALID_CONFIGURATION') throw error;
    throw new SconceError(
      'MODEL_LOAD_FAILED',
      source.name,
      source.version,
      source.path,
      `its handler ${source.handler} cannot be initialized: ${reason ?? message}`,
    );
  }
}

/** Threads when nobody says: the main loop keeps a core. */
function threadsByDefault(): number {
  return Math.max(1, Math.min(4, availableParallelism() - 1));
}

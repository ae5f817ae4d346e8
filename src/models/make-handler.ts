import type { SlabBudget } from '../batching/slab-budget.js';
import { layOut } from '../batching/slab-layout.js';
import { SconceError } from '../errors.js';
import type { Handler } from '../handlers/handler.js';
import type { NativeModelDescription } from '../native/addon.js';
import { readManifest, systemProperties } from './handler-context.js';
import { handlerThreads } from './handler-threads.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';

/**
 * The handler of a model whose file is loaded; one with threads of its own is not started yet.
 *
 * @throws {SconceError} INVALID_CONFIGURATION, as a rejection, for what the model's configuration
 *   says of its inputs and options.
 */
export async function makeHandler(
  options: NativeExecutionOptions,
  context: NativeExecutionContext,
  description: NativeModelDescription,
): Promise<Handler> {
  const { source } = options;
  if (options.handler === undefined) throw new SconceError('INTERNAL', 'no handler');
  return options.handler({
    modelName: source.name,
    modelVersion: source.version,
    folder: source.folder,
    config: source.config,
    description: options.devices.includes('cpu') ? withoutIndexLimits(description) : description,
    offLoop: context.offLoop,
    metrics: context.metrics.custom(),
    manifest: await readManifest(source.folder),
    systemProperties: systemProperties(options),
    threads: handlerThreads(options, context),
  });
}

/**
 * LibTorch refuses an index beyond its embedding itself, but not on a GPU: there the device is lost
 * to the process, so that such requests are refused before.
 */
function withoutIndexLimits(description: NativeModelDescription): NativeModelDescription {
  return {
    ...description,
    arguments: description.arguments.map(({ indexLimit: _, ...argument }) => argument),
  };
}

/**
 * Checks that a batch can hold a row.
 *
 * @throws {SconceError} INVALID_CONFIGURATION
 */
export function checkRowSize(
  { rowShape }: Handler,
  { limit, setting }: Pick<SlabBudget, 'limit' | 'setting'>,
): void {
  const rowSize = rowShape === undefined ? 0 : layOut(rowShape, 1, 0).bytes;
  if (rowSize <= limit) return;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `inputs: one row takes ${rowSize} bytes; ${setting} allows ${limit}`,
  );
}

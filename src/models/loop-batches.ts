import { availableParallelism } from 'node:os';
import type { LoopEvent, WarmedEvent } from '../native/addon.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { measureHop } from './hop.js';
import { longestOnLoop, loopLimit } from './loop-limit.js';
import type { OpenedModel } from './opened-model.js';

/**
 * Lets the small batches of a model run on the main loop, where they cost less than the way to an
 * instance. Measures both; a model whose smallest batch costs too much is left alone.
 *
 * @param rows numbers of rows that were timed at warm-up, ascending
 * @returns most rows of such a batch, and why, for the log; nothing when it was not considered
 * @throws {SconceError} MODEL_CLOSED when the model ends meanwhile, as a rejection.
 */
export async function runOnLoop(
  opened: OpenedModel,
  rowShape: readonly TensorSpec[],
  rows: readonly number[],
  { microseconds }: WarmedEvent,
): Promise<{ rows: number; why: string } | undefined> {
  const [first = Number.POSITIVE_INFINITY] = microseconds;
  if (!(first <= longestOnLoop)) return undefined;
  const hop = await measureHop(opened, rowShape);
  const limit = loopLimit(rows, microseconds, hop, availableParallelism());
  const costs = `a batch of one row takes ${Math.round(first)} us, the way to an instance and back ${Math.round(hop)} us`;
  if (limit === 0) return { rows: 0, why: costs };
  const { rows: granted, reason }: LoopEvent = await opened.runOnLoop(limit);
  return { rows: granted, why: reason ?? costs };
}

import type { Assembler } from '../batching/assembler.js';
import { SconceError } from '../errors.js';
import type { Handler } from '../handlers/handler.js';
import { bucketsUpTo } from '../plans/batch-table.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { runOnLoop } from './loop-batches.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';
import type { OpenedModel } from './opened-model.js';

/** A model that is opened, and what is made for it. */
export interface WarmedModel {
  opened: OpenedModel;
  handler: Handler;
  assembler: Assembler;
  /** True when its forward does the same operations for every input. */
  straightLine: boolean;
}

/**
 * Runs a batch of zeros of every size on every instance, and decides what depends on how long they
 * take.
 *
 * @param mostRows of a batch
 * @throws {SconceError} MODEL_LOAD_FAILED when the model rejects them; INVALID_CONFIGURATION when its
 *   outputs cannot be answered; MODEL_CLOSED. As a rejection.
 */
export async function warmUp(
  { opened, handler, assembler, straightLine }: WarmedModel,
  rowShape: readonly TensorSpec[],
  mostRows: number,
  { runOnLoop: policy, device }: Pick<NativeExecutionOptions, 'runOnLoop' | 'device'>,
  context: Pick<NativeExecutionContext, 'onLoop'>,
): Promise<void> {
  const rows = bucketsUpTo(mostRows);
  const event = await opened.warmUp(rowShape, rows);
  for (const signature of opened.signatures.all) {
    const problem = handler.outputProblem(signature.structure);
    if (problem !== undefined) {
      throw new SconceError('INVALID_CONFIGURATION', `outputs: ${problem}`);
    }
    assembler.expectOutputs(signature);
  }
  assembler.expectCosts(rowShape, rows, event.microseconds);
  if (policy === 'never' || device !== 'cpu' || !straightLine) return;
  const onLoop = await runOnLoop(opened, rowShape, rows, event);
  if (onLoop !== undefined) context.onLoop(onLoop.rows, onLoop.why);
}

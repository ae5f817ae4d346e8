import type { Assembler } from '../batching/assembler.js';
import { SconceError } from '../errors.js';
import type { Handler } from '../handlers/handler.js';
import { bucketsUpTo } from '../plans/batch-table.js';
import type { TensorSpec } from '../tensors/tensor-spec.js';
import { type CudaGraphs, cudaGraphsInWords, cudaGraphsOf } from './cuda-graphs.js';
import { firstDevice } from './device.js';
import { runOnLoop } from './loop-batches.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';
import type { OpenedModel } from './opened-model.js';
import { paddedCosts } from './padded-costs.js';

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
 * @returns what became of its CUDA graphs; undefined where none were wanted
 * @throws {SconceError} MODEL_LOAD_FAILED when the model rejects them; INVALID_CONFIGURATION when its
 *   outputs cannot be answered; MODEL_CLOSED. As a rejection.
 */
export async function warmUp(
  { opened, handler, assembler, straightLine }: WarmedModel,
  rowShape: readonly TensorSpec[],
  mostRows: number,
  { runOnLoop: policy, devices }: Pick<NativeExecutionOptions, 'runOnLoop' | 'devices'>,
  context: Pick<NativeExecutionContext, 'onLoop' | 'planLog'>,
): Promise<CudaGraphs | undefined> {
  const rows = bucketsUpTo(mostRows);
  const event = await opened.warmUp(rowShape, rows);
  for (const signature of opened.signatures.all) {
    const problem = handler.outputProblem(signature.structure);
    if (problem !== undefined) {
      throw new SconceError('INVALID_CONFIGURATION', `outputs: ${problem}`);
    }
    assembler.expectOutputs(signature);
  }
  const graphs = event.graphs === undefined ? undefined : cudaGraphsOf(event.graphs);
  if (graphs !== undefined) context.planLog.info(cudaGraphsInWords(graphs));
  const costs = paddedCosts(rows, event.microseconds, graphs?.rows ?? []);
  assembler.expectCosts(rowShape, costs.rows, costs.microseconds);
  if (policy === 'never' || firstDevice(devices) !== 'cpu' || !straightLine) return graphs;
  const onLoop = await runOnLoop(opened, rowShape, rows, event);
  if (onLoop !== undefined) context.onLoop(onLoop.rows, onLoop.why);
  return graphs;
}

import { Assembler } from '../batching/assembler.js';
import { defaultMaxShapes } from '../batching/rings.js';
import type { BatchEvent } from '../native/addon.js';
import { allocateShared } from '../native/shared-memory.js';
import { alignment } from '../tensors/tensor-spec.js';
import type { NativeExecutionContext, NativeExecutionOptions } from './native-execution-options.js';
import type { OpenedModel } from './opened-model.js';

/**
 * What puts the rows of requests into batches of an opened model.
 *
 * @param declaredInputs what requests must hold, for messages
 * @param batchSize most rows in a batch
 * @param instances how many take batches
 * @param ran told of each batch that has run on the main loop
 * @param stuck told how many batches have run for longer than responseTimeout, at each change
 */
export function makeAssembler(
  opened: OpenedModel,
  options: NativeExecutionOptions,
  context: NativeExecutionContext,
  declaredInputs: string,
  batchSize: number,
  instances: () => number,
  ran: (event: BatchEvent) => void,
  stuck: (batches: number) => void,
): Assembler {
  const { native, signatures } = opened;
  const { source } = options;
  return new Assembler(
    {
      addSlab: (slab, layout) => native.addSlab(slab, layout),
      removeSlab: (id) => {
        // What was lost with an instance still counts as in use there.
        if (!opened.gone) native.removeSlab(id);
      },
      ring: (id, order, here) => {
        const event = native.ring(id, order, here);
        if (event !== undefined) ran(event);
        return event;
      },
      advance: (id, order) => native.advance(id, order),
      allocate: (bytes) => allocateShared(bytes, alignment),
    },
    context.budget,
    {
      modelName: source.name,
      modelVersion: source.version,
      declaredInputs,
      batchSize,
      queueSize: options.jobQueueSize,
      responseTimeout: options.responseTimeout * 1000,
      clientTimeout: options.clientTimeout,
      batchDelay: options.batchDelay,
      maxShapes: defaultMaxShapes,
      instances,
    },
    (id) => signatures.get(id),
    stuck,
  );
}

import { Slab } from '../batching/slab.js';
import { layOut, slabHeader } from '../batching/slab-layout.js';
import { settleRows } from '../batching/slab-protocol.js';
import { allocateShared } from '../native/shared-memory.js';
import { alignment, type TensorSpec } from '../tensors/tensor-spec.js';
import type { OpenedModel } from './opened-model.js';

/** The first ones find cold caches. */
const trips = 15;

/**
 * Microseconds that a batch takes from the bell on the main loop to its event there, without what
 * the instance computes: the median of a few batches of one row of zeros.
 *
 * @throws {SconceError} MODEL_CLOSED when the model ends meanwhile, as a rejection.
 */
export async function measureHop(
  opened: OpenedModel,
  rowShape: readonly TensorSpec[],
): Promise<number> {
  const layout = layOut(rowShape, 1, 0);
  const slab = new Slab(allocateShared(layout.bytes, alignment), layout);
  slab.id = opened.native.addSlab(slab.memory, layout);
  const hops: number[] = [];
  for (let i = 0; i < trips; i += 1) {
    slab.recycle();
    settleRows(slab.words, slab.reserve(1), 1, slabHeader.rowCommitted);
    const start = performance.now();
    const { computeMicroseconds } = await opened.run(slab.id);
    hops.push((performance.now() - start) * 1000 - computeMicroseconds);
  }
  opened.native.removeSlab(slab.id);
  hops.sort((a, b) => a - b);
  return hops[trips >> 1] ?? 0;
}

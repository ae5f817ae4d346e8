import assert from 'node:assert/strict';
import type { Inputs } from '../../../src/handlers/api/context.js';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { dtypeOf } from '../../../src/native/dtype.js';
import type { OpenModel } from '../../native/open-model.js';

/** Runs inputs, in the order of forward's arguments, on an instance of their own batch. */
export async function runInputs(model: OpenModel, inputs: Inputs): Promise<Outputs> {
  const tensors = inputs instanceof Tensor ? [inputs] : Object.values(inputs);
  const rows = tensors[0]?.shape[0] ?? 0;
  const specs = tensors.map(({ dtype, shape }) => ({ dtype, dims: shape.slice(1) }));
  const slab = model.addSlab(specs, rows);
  const first = slab.reserve(rows);
  for (const [i, tensor] of tensors.entries()) {
    slab.memory.set(tensor.bytes, slab.layout.inputs[i]?.offset);
  }
  slab.commit(first, rows);
  const event = await model.run(slab);
  assert.deepEqual(event.errors, undefined);
  const { outputs, structure } = model.model.signature(event.signature);
  const shapes = outputs.map(({ dtype, dims }) => ({ dtype: dtypeOf(dtype), dims }));
  const block = event.overflow ?? slab.memory.subarray(slab.layout.outputOffset);
  return new Outputs({
    signature: { outputs: shapes, structure },
    names: null,
    block,
    batchRows: event.rows,
    firstRow: 0,
    rows: event.rows,
  });
}

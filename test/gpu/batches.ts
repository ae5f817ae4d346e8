import assert from 'node:assert/strict';
import type { BatchEvent } from '../../src/native/addon.js';
import { dtypeOf } from '../../src/native/dtype.js';
import { blockOffsets } from '../../src/tensors/batch-outputs.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import type { OpenModel, TestSlab } from '../native/open-model.js';

/** Writes a number as an element of a tensor, and reads it again. */
interface Element {
  bytes: number;
  write(view: DataView, at: number, value: number): void;
  read(view: DataView, at: number): number;
}

/** Of the dtypes that the fixtures have. */
const elements: Partial<Record<TensorSpec['dtype'], Element>> = {
  float32: {
    bytes: 4,
    write: (view, at, value) => view.setFloat32(at, value, true),
    read: (view, at) => view.getFloat32(at, true),
  },
  float64: {
    bytes: 8,
    write: (view, at, value) => view.setFloat64(at, value, true),
    read: (view, at) => view.getFloat64(at, true),
  },
  int64: {
    bytes: 8,
    write: (view, at, value) => view.setBigInt64(at, BigInt(Math.abs(Math.trunc(value * 3))), true),
    read: (view, at) => Number(view.getBigInt64(at, true)),
  },
  uint8: {
    bytes: 1,
    write: (view, at, value) => view.setUint8(at, Math.abs(Math.trunc(value * 200))),
    read: (view, at) => view.getUint8(at),
  },
};

function elementOf({ dtype }: TensorSpec): Element {
  const element = elements[dtype];
  assert.ok(element, `no ${dtype} here`);
  return element;
}

const size = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** Reserves, writes and commits rows of values between -1 and 1, others for each seed. */
export function fill(slab: TestSlab, inputs: readonly TensorSpec[], rows: number, seed = 0): void {
  const first = slab.reserve(rows);
  const view = new DataView(slab.memory.buffer, slab.memory.byteOffset);
  for (const [i, input] of inputs.entries()) {
    const { bytes, write } = elementOf(input);
    const start = (slab.layout.inputs[i]?.offset ?? 0) + first * (slab.layout.rowBytes[i] ?? 0);
    for (let at = 0; at < rows * size(input.dims); at += 1) {
      write(view, start + at * bytes, Math.sin(seed * 1009 + at * 7 + i));
    }
  }
  slab.commit(first, rows);
}

/** Dims and elements of each output of a batch. */
export function outputsOf(model: OpenModel, slab: TestSlab, event: BatchEvent): unknown[] {
  const outputs = model.model
    .signature(event.signature)
    .outputs.map(({ dtype, dims }) => ({ dtype: dtypeOf(dtype), dims }));
  const offsets = blockOffsets(outputs, event.rows);
  const block = event.overflow ?? slab.memory.subarray(slab.layout.outputOffset);
  const view = new DataView(block.buffer, block.byteOffset);
  return outputs.map((output, i) => {
    const { bytes, read } = elementOf(output);
    const count = event.rows * size(output.dims);
    return {
      dims: output.dims,
      values: Array.from({ length: count }, (_, at) => read(view, (offsets[i] ?? 0) + at * bytes)),
    };
  });
}

/** What a model answers to a batch of so many rows. */
export async function answer(
  model: OpenModel,
  inputs: readonly TensorSpec[],
  rows: number,
  { seed = 0, outputBytes = 65_536 } = {},
): Promise<unknown[]> {
  const slab = model.addSlab([...inputs], rows, outputBytes);
  fill(slab, inputs, rows, seed);
  const event = await model.run(slab);
  assert.equal(event.errors, undefined, JSON.stringify(event.errors));
  const outputs = outputsOf(model, slab, event);
  model.model.removeSlab(slab.id);
  return outputs;
}

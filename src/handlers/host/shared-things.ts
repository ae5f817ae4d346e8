import { SconceError } from '../../errors.js';
import type { OutputSignature } from '../../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { Tensor } from '../api/tensor.js';
import { KnownMemories } from './known-memories.js';
import type { HostOrders, MemoryRange, Place } from './messages.js';

/** Memory and signatures that the main loop has told a thread of, by their numbers. */
export class SharedThings {
  readonly #memories = new KnownMemories();
  readonly #signatures = new Map<number, OutputSignature>();

  learn(orders: HostOrders): void {
    this.#memories.learn(orders);
    for (const signature of orders.signatures ?? []) this.#signatures.set(signature.id, signature);
  }

  /** The row of an input in a slab, filled with zeros: an earlier request's data is none of ours. */
  row({ memory, offsets }: Place, input: number, spec: TensorSpec): Tensor {
    const bytes = new Uint8Array(this.#memories.get(memory), offsets[input] ?? 0, rowBytes(spec));
    return Tensor.view(spec.dtype, spec.dims, bytes.fill(0));
  }

  bytes(range: MemoryRange | Uint8Array): Uint8Array {
    if (range instanceof Uint8Array) return range;
    return new Uint8Array(this.#memories.get(range.memory), range.offset, range.length);
  }

  /** @throws {SconceError} INTERNAL for one that the thread was not told of. */
  signature(id: number): OutputSignature {
    const signature = this.#signatures.get(id);
    if (signature !== undefined) return signature;
    throw new SconceError('INTERNAL', `no signature ${id}`);
  }

  /** Flat index of an output that the model itself gives a name. */
  outputField(name: string): number | undefined {
    for (const { structure } of this.#signatures.values()) {
      if (typeof structure === 'number' || !('fields' in structure)) continue;
      const field = structure.fields.find(([key]) => key === name)?.[1];
      if (typeof field === 'number') return field;
    }
    return undefined;
  }
}

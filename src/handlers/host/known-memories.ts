import { SconceError } from '../../errors.js';
import type { RequestParameter } from '../handler.js';
import type { BytesMessage, Gathered, PartMessage } from './messages.js';
import { unpack } from './parcel.js';

/** Memories that the other side has told of, by their numbers. */
export class KnownMemories {
  readonly #memories = new Map<number, SharedArrayBuffer>();

  learn({ memories, forget }: Gathered): void {
    for (const { id, memory } of memories ?? []) this.#memories.set(id, memory);
    for (const id of forget ?? []) this.#memories.delete(id);
  }

  /** @throws {SconceError} INTERNAL for one that it has not told of. */
  get(id: number): SharedArrayBuffer {
    const memory = this.#memories.get(id);
    if (memory !== undefined) return memory;
    throw new SconceError('INTERNAL', `no memory ${id}`);
  }

  /** Bytes of a message. */
  bytes(range: BytesMessage, { bytes }: Gathered): Uint8Array {
    if ('buffer' in range) return unpack(bytes, range);
    return new Uint8Array(this.get(range.memory), range.offset, range.length);
  }

  parts(parts: readonly PartMessage[], message: Gathered): RequestParameter[] {
    return parts.map(({ name, contentType, bytes }) => ({
      name,
      contentType,
      value: this.bytes(bytes, message),
    }));
  }
}

import { headerWords, slabHeader } from '../../src/batching/slab-layout.js';
import { reservedRows, settledRows } from '../../src/batching/slab-protocol.js';
import type { SlabHost } from '../../src/batching/slab-ring.js';
import type { BatchEvent, NativeSlabLayout, RowError } from '../../src/native/addon.js';
import type { OutputSignature } from '../../src/tensors/batch-outputs.js';

/** The signature of what fake instances return: one float32 for each row. */
export const oneFloat: OutputSignature = {
  id: 0,
  outputs: [{ dtype: 'float32', dims: [] }],
  structure: 0,
};

/** The bit that says sealed or closed. */
const headerFlag = -0x8000_0000;

/** The instances' half of the header protocol (native/slab.cc), one step at a time. */
export const instanceSide = {
  /** Ends reservation; returns the rows that were reserved. */
  seal(words: Int32Array): number {
    return Atomics.or(words, slabHeader.stateWord, headerFlag) & ~headerFlag;
  },
  /** Stops waiting for writers; returns true when none was left behind. */
  close(words: Int32Array, reserved: number): boolean {
    return (Atomics.or(words, slabHeader.settledWord, headerFlag) & ~headerFlag) >= reserved;
  },
};

interface FakeSlab {
  memory: Uint8Array;
  words: Int32Array;
  layout: NativeSlabLayout;
  state: 'idle' | 'rung' | 'sealed';
  reserved: number;
  order: number;
  /** Of equal order the one that was rung first goes first. */
  rung: number;
}

/**
 * Instances that do nothing until they are told, so that a test decides every order of events.
 * The model doubles the first float32 of each row and adds one; a negative value fails its row.
 */
export class FakeInstances implements SlabHost {
  readonly slabs = new Map<number, FakeSlab>();
  /** What went against the rules of the boundary; a test asserts that it stays empty. */
  readonly violations: string[] = [];
  /** Batches run within ring(), as with `runOnLoop`. */
  runsOnLoop = false;
  #nextId = 1;
  #nextRing = 1;

  allocate(bytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  }

  addSlab(memory: Uint8Array, layout: NativeSlabLayout): number {
    const words = headerWords(memory, layout.capacity);
    const id = this.#nextId++;
    this.slabs.set(id, { memory, words, layout, state: 'idle', reserved: 0, order: 0, rung: 0 });
    return id;
  }

  removeSlab(id: number): void {
    if (this.slabs.get(id)?.state !== 'idle') this.violations.push(`removed slab ${id} in use`);
    this.slabs.delete(id);
  }

  ring(id: number, order = 0, here = true): BatchEvent | undefined {
    const slab = this.slabs.get(id);
    if (slab?.state !== 'idle') this.violations.push(`rang slab ${id} twice`);
    if (slab === undefined) return undefined;
    slab.state = 'rung';
    slab.order = order;
    slab.rung = this.#nextRing++;
    if (!(this.runsOnLoop && here)) return undefined;
    this.seal(id);
    return this.complete(id);
  }

  advance(id: number, order: number): void {
    const slab = this.#get(id);
    if (slab.state !== 'rung' || slab.order <= order) return;
    slab.order = order;
    slab.rung = this.#nextRing++;
  }

  /** Ids of slabs in a state; those that are rung in the order in which instances take them. */
  in(state: FakeSlab['state']): number[] {
    return [...this.slabs]
      .filter(([, slab]) => slab.state === state)
      .sort(([, a], [, b]) => (state === 'rung' ? a.order - b.order || a.rung - b.rung : 0))
      .map(([id]) => id);
  }

  seal(id: number): void {
    const slab = this.#get(id);
    slab.reserved = instanceSide.seal(slab.words);
    slab.state = 'sealed';
  }

  /** True when every reserved row of a sealed slab is settled. */
  settled(id: number): boolean {
    const slab = this.#get(id);
    return settledRows(slab.words) >= slab.reserved;
  }

  /** Runs a sealed slab. Writers that have not settled are left behind. */
  complete(id: number): BatchEvent {
    const slab = this.#get(id);
    const { words, layout, memory } = slab;
    const inTime = instanceSide.close(words, slab.reserved);
    const input = layout.inputs[0];
    if (input === undefined) throw new Error('no input');
    const outputs: number[] = [];
    const errors: RowError[] = [];
    const rowFloats = Math.max(
      1,
      input.dims.reduce((a, b) => a * b, 1),
    );
    for (let row = 0; row < slab.reserved; row += 1) {
      const outputWord = slabHeader.rowsWord + layout.capacity + row;
      words[outputWord] = -1;
      const state = words[slabHeader.rowsWord + row];
      if (state === slabHeader.rowEmpty && !inTime) {
        errors.push({ row, rows: 1, code: 'WRITER_TIMEOUT', message: 'late' });
      }
      if (state !== slabHeader.rowCommitted) continue;
      const at = memory.byteOffset + input.offset + row * rowFloats * 4;
      const value = new Float32Array(memory.buffer, at, 1)[0] ?? Number.NaN;
      if (value < 0) {
        errors.push({ row, rows: 1, code: 'MODEL_FAILED', message: 'negative' });
      } else {
        words[outputWord] = outputs.length;
        outputs.push(value * 2 + 1);
      }
    }
    slab.state = 'idle';
    const fits = layout.outputBytes >= outputs.length * 4;
    const block = fits
      ? new Float32Array(memory.buffer, memory.byteOffset + layout.outputOffset, outputs.length)
      : new Float32Array(outputs.length);
    block.set(outputs);
    return {
      kind: 'batch',
      model: 1,
      slab: id,
      rows: outputs.length,
      signature: outputs.length > 0 ? 0 : -1,
      ...(fits ? {} : { overflow: new Uint8Array(block.buffer) }),
      ...(errors.length > 0 ? { errors } : {}),
      queueMicroseconds: 0,
      computeMicroseconds: 0,
    };
  }

  /** Rows handed out of a slab so far. */
  reserved(id: number): number {
    return reservedRows(this.#get(id).words);
  }

  #get(id: number): FakeSlab {
    const slab = this.slabs.get(id);
    if (slab === undefined) throw new Error(`no slab ${id}`);
    return slab;
  }
}

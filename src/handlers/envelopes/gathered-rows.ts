import { SconceError } from '../../errors.js';
import { addon } from '../../native/binding.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import type { PreparedRows } from '../handler.js';

/** Rows of a request that were copied to where they can wait for others. */
interface Gathered {
  rows: number;
  /** All rows of each input. */
  memory: readonly Uint8Array[];
}

/** The rows of several requests, for one place in a batch. */
export class GatheredRows {
  readonly #parts: Gathered[] = [];
  #first: PreparedRows | undefined;
  rows = 0;

  get key(): string {
    return this.#first?.key ?? '';
  }

  get inputs(): readonly TensorSpec[] {
    return this.#first?.inputs ?? [];
  }

  /**
   * Copies the rows: a reader keeps those of its last body only. To be called in the turn in which
   * they were prepared.
   *
   * @throws {SconceError} INVALID_REQUEST when their shape is another than that of the first
   */
  add(prepared: PreparedRows): void {
    this.#first ??= prepared;
    if (prepared.key !== this.key) {
      throw new SconceError(
        'INVALID_REQUEST',
        `its shape ${shapesOf(prepared)} is another than that of the first, ${shapesOf(this.#first)}`,
      );
    }
    const { rows, inputs } = prepared;
    const starts = [0];
    for (const spec of inputs) starts.push((starts.at(-1) ?? 0) + rowBytes(spec) * rows);
    const all = new Uint8Array(starts.at(-1) ?? 0);
    prepared.store(all, Float64Array.from(starts.slice(0, -1)));
    this.append(
      rows,
      inputs.map((_, i) => all.subarray(starts[i], starts[i + 1])),
    );
  }

  /** Rows that lie somewhere already. */
  append(rows: number, memory: readonly Uint8Array[]): void {
    this.#parts.push({ rows, memory });
    this.rows += rows;
  }

  /** As PreparedRows.store(). */
  store(target: Uint8Array, offsets: Float64Array): void {
    const { copyBytes } = addon();
    const next = Float64Array.from(offsets);
    for (const { memory } of this.#parts) {
      for (const [i, bytes] of memory.entries()) {
        copyBytes(target, next[i] ?? 0, bytes, 0, bytes.byteLength);
        next[i] = (next[i] ?? 0) + bytes.byteLength;
      }
    }
  }
}

function shapesOf({ inputs }: PreparedRows): string {
  return inputs.map(({ dtype, dims }) => `${dtype}[${dims}]`).join(', ');
}

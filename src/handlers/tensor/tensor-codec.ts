import type { NativeField, NativeJsonReader, NativeJsonWriter } from '../../native/addon.js';
import { addon } from '../../native/binding.js';
import { dtypeCode } from '../../native/dtype.js';
import type { OutputSignature } from '../../tensors/batch-outputs.js';

/** What a JSON body held, in numbers: [form, rows, then per field: rank, dims…]. */
export type RequestSummary = Int32Array;

const longestRank = 32;

/** The native reader for a model's fields, with room for its summary. Usable on any thread. */
export class JsonRequestReader {
  readonly #reader: NativeJsonReader;
  readonly summary: RequestSummary;

  constructor(readonly fields: NativeField[]) {
    this.#reader = new (addon().JsonReader)(fields);
    this.summary = new Int32Array(2 + fields.length * (1 + longestRank));
  }

  /** Parses into native memory. Throws INVALID_REQUEST. The next call overwrites it. */
  read(body: Uint8Array): RequestSummary {
    this.#reader.read(body, this.summary);
    return this.summary;
  }

  /** Copies what was read to where it belongs. */
  store(target: Uint8Array, offsets: Float64Array): void {
    this.#reader.store(target, offsets);
  }
}

/** Row dimensions of every field of a summary. */
export function summaryDims(summary: RequestSummary, fields: number): number[][] {
  const dims: number[][] = [];
  let next = 2;
  for (let field = 0; field < fields; field += 1) {
    const rank = summary[next] ?? 0;
    dims.push([...summary.subarray(next + 1, next + 1 + rank)]);
    next += 1 + rank;
  }
  return dims;
}

/** A native writer for one signature of outputs. Usable on any thread. */
export function createJsonWriter(
  signature: Pick<OutputSignature, 'outputs' | 'structure'>,
  names: readonly string[] | null,
): NativeJsonWriter {
  const outputs = signature.outputs.map(({ dtype, dims }) => ({
    dtype: dtypeCode(dtype),
    dims: [...dims],
  }));
  return new (addon().JsonWriter)(outputs, signature.structure, names === null ? null : [...names]);
}

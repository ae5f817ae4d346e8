import { SconceError } from '../../errors.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { largeBody, type OffLoop } from '../tensor/off-loop.js';
import { JsonRequestReader, summaryDims } from '../tensor/tensor-codec.js';
import { nativeFields, type TensorField, type TensorPlan } from '../tensor/tensor-plan.js';
import { wrongMember } from './envelope-text.js';
import type { JsonSlices } from './json-slices.js';
import { type KServeInput, sizeOf, wrongSize } from './kserve-v2-inputs.js';

/** A tensor of a request: [rows, ...spec.dims]. */
export interface ReadTensor {
  rows: number;
  spec: TensorSpec;
  memory: Uint8Array;
}

/** Reads tensors of KServe's protocol V2 as inputs of a model. */
export class KServeTensorReader {
  readonly #inputs: readonly { field: TensorField; reader: JsonRequestReader }[];

  constructor(
    plan: TensorPlan,
    private readonly offLoop: OffLoop,
  ) {
    const native = nativeFields(plan);
    this.#inputs = plan.fields.map((field, i) => ({
      field,
      // An array of any nesting: its shape stands elsewhere.
      reader: new JsonRequestReader([{ ...(native[i] ?? { name: '', dtype: 0 }), dims: null }]),
    }));
  }

  /** A tensor as rows of the model's input of that index. Throws INVALID_REQUEST naming the member. */
  read(text: JsonSlices, given: KServeInput, index: number): ReadTensor {
    const { field, reader } = this.#input(index);
    const { rows, spec } = rowsOf(given, field);
    checkSize(given, reader.read(text.bytesOf(given.data)));
    const memory = new Uint8Array(rowBytes(spec) * rows);
    reader.store(memory, new Float64Array(1));
    return { rows, spec, memory };
  }

  /** The same off the main loop, where it is large. */
  async readLater(text: JsonSlices, given: KServeInput, index: number): Promise<ReadTensor> {
    if (!isLarge(given)) return this.read(text, given, index);
    const { field, reader } = this.#input(index);
    const { rows, spec } = rowsOf(given, field);
    const bytes = text.bytesOf(given.data);
    // Else a copy: the pool takes the memory away, which others lie in too.
    const body = bytes.buffer instanceof SharedArrayBuffer ? bytes : new Uint8Array(bytes);
    const { summary, memory } = await this.offLoop.readJson(reader.fields, body);
    checkSize(given, summary);
    return { rows, spec, memory };
  }

  #input(index: number): { field: TensorField; reader: JsonRequestReader } {
    const input = this.#inputs[index];
    if (input === undefined) throw new SconceError('INTERNAL', `no input ${index}`);
    return input;
  }
}

/** Whether a tensor is not to be read on the main loop. */
export function isLarge({ data }: KServeInput): boolean {
  return data.end - data.start >= largeBody;
}

function checkSize(given: KServeInput, summary: Int32Array): void {
  const found = sizeOf(summaryDims(summary, 1)[0] ?? []);
  if (found !== sizeOf(given.shape)) throw wrongSize(given, found);
}

/** How many rows a tensor is, and what each of them is. The batch may be left out of one row. */
function rowsOf(
  { datatype, shape, path }: KServeInput,
  { name, dtype, dims }: TensorField,
): { rows: number; spec: TensorSpec } {
  if (datatype === 'BYTES') {
    throw wrongMember(`${path}.datatype`, `numbers for "${name}" (${dtype})`, datatype);
  }
  const whole = dims?.length === shape.length ? [1, ...shape] : shape;
  const [rows = 0, ...rest] = whole;
  const fits =
    dims === null ||
    (dims.length === rest.length && dims.every((dim, i) => dim < 0 || dim === rest[i]));
  if (fits && rows > 0) return { rows, spec: { dtype, dims: rest } };
  const wanted = dims === null ? '…' : dims.map((dim) => (dim < 0 ? 'any' : dim)).join(', ');
  throw wrongMember(`${path}.shape`, `[n, ${wanted}]`, `[${shape.join(', ')}]`);
}

import { type OutputStructure, requestForms } from '../../native/addon.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import { largeReply, type OffLoop } from '../tensor/off-loop.js';
import { createJsonWriter } from '../tensor/tensor-codec.js';
import { sizeOf } from './kserve-v2-inputs.js';
import type { KServeOutput } from './kserve-v2-outputs.js';

/** Rows of a reply under the name of the input that they came with. */
export interface NamedRows {
  name: string;
  /** Among the request's. */
  firstRow: number;
  rows: number;
}

const bareForm = requestForms.indexOf('bare');

/** Outputs of a model as the tensors of KServe's protocol V2, flat as TorchServe's are. */
export class TensorOutputs {
  constructor(
    private readonly outputNames: readonly string[] | null,
    private readonly offLoop: OffLoop,
  ) {}

  /**
   * The outputs of each part. The only output of a model has the name of the part; several have
   * their own, behind that of the part where there are several parts.
   */
  write(
    parts: readonly NamedRows[],
    outputs: BatchOutputs,
    firstRow: number,
  ): KServeOutput[] | Promise<KServeOutput[]> {
    const { outputs: specs, structure } = outputs.signature;
    const names = leafNames(structure, this.outputNames);
    const written: KServeOutput[] = [];
    const later: Promise<unknown>[] = [];
    for (const part of parts) {
      const slices = outputs.slices(firstRow + part.firstRow, part.rows);
      for (const [i, spec] of specs.entries()) {
        const size = part.rows * sizeOf(spec.dims);
        const own = names[i] ?? `output_${i}`;
        const name =
          specs.length === 1 ? part.name : parts.length === 1 ? own : `${part.name}.${own}`;
        const output = { name, datatype: datatypeOf(spec), data: '[]', size };
        written.push(output);
        const text = this.#textOf(spec, size, slices[i] ?? new Uint8Array());
        if (typeof text === 'string') output.data = text;
        else later.push(text.then((data) => Object.assign(output, { data })));
      }
    }
    return later.length === 0 ? written : Promise.all(later).then(() => written);
  }

  /** The elements as one list. */
  #textOf({ dtype }: TensorSpec, size: number, bytes: Uint8Array): string | Promise<string> {
    const signature = { outputs: [{ dtype, dims: [size] }], structure: 0 };
    if (size >= largeReply) {
      return this.offLoop.writeJson(signature, null, bytes, 1, 0, 1, bareForm);
    }
    return createJsonWriter(signature, null).write(bytes, 1, 0, 1, bareForm);
  }
}

/** The datatype that numpy has for the numbers of tensor.tolist(). */
function datatypeOf({ dtype }: TensorSpec): string {
  if (dtype === 'bool') return 'BOOL';
  return dtype.includes('float') ? 'FP64' : 'INT64';
}

/** Names of the flat outputs: the configuration's, the model's own, or by their position. */
function leafNames(structure: OutputStructure, configured: readonly string[] | null): string[] {
  const names: string[] = [];
  const walk = (node: OutputStructure, path: readonly string[]): void => {
    if (typeof node === 'number') {
      names[node] = path.join('.');
    } else if ('list' in node) {
      for (const [i, child] of node.list.entries()) {
        const own = path.length === 0 ? (configured?.[i] ?? `output_${i}`) : String(i);
        walk(child, [...path, own]);
      }
    } else {
      for (const [name, child] of node.fields) walk(child, [...path, name]);
    }
  };
  walk(structure, []);
  return names;
}

import type { OutputStructure } from '../../native/addon.js';
import { blockOffsets, type OutputSignature } from '../../tensors/batch-outputs.js';
import { rowBytes } from '../../tensors/tensor-spec.js';
import { describeValue } from './describe-value.js';
import { Tensor } from './tensor.js';

/** Dtypes, row shapes and structure of outputs, without the id they have in a model. */
export type OutputShape = Pick<OutputSignature, 'outputs' | 'structure'>;

/** Where the outputs of a batch lie. */
export interface OutputBlock {
  signature: OutputShape;
  /** Names from the configuration for the top-level outputs; null keeps the model's own. */
  names: readonly string[] | null;
  /** Flat outputs one after the other, each [batchRows, ...dims] and 64-byte aligned. */
  block: Uint8Array;
  batchRows: number;
  /** The request's rows in the batch. */
  firstRow: number;
  rows: number;
}

/**
 * What the model has returned for the rows of one request: tensors of [rows, ...dims]. They lie in
 * memory of the batch, which belongs to the next one when the request is answered: copy what is
 * kept longer.
 */
export class Outputs {
  readonly #block: OutputBlock;
  #tensors: readonly Tensor[] | undefined;

  constructor(block: OutputBlock) {
    this.#block = block;
  }

  /**
   * Outputs from tensors, for an `inference` that computes them itself: copies of one tensor, of a
   * list, or of named ones, all with the rows as their first dimension.
   *
   * @throws {RangeError} when the numbers of rows differ.
   */
  static of(tensors: Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>): Outputs {
    const { list, structure } = structureOf(tensors);
    for (const tensor of list) if (!(tensor instanceof Tensor)) throw notTensors(tensor);
    const [first] = list;
    if (first === undefined) throw new RangeError('there are no outputs');
    const [rows] = first.shape;
    if (rows === undefined) throw new RangeError(`outputs: ${first.describe()} has no rows`);
    for (const tensor of list) {
      if (tensor.shape[0] === rows) continue;
      throw new RangeError(
        `outputs: ${tensor.describe()} does not have ${rows} rows, as ${first.describe()} has`,
      );
    }
    const outputs = list.map(({ dtype, shape }) => ({ dtype, dims: shape.slice(1) }));
    const offsets = blockOffsets(outputs, rows);
    const block = new Uint8Array(offsets.at(-1) ?? 0);
    for (const [i, tensor] of list.entries()) block.set(tensor.bytes, offsets[i]);
    const signature = { outputs, structure };
    return new Outputs({ signature, names: null, block, batchRows: rows, firstRow: 0, rows });
  }

  /** Rows of the request. */
  get rows(): number {
    return this.#block.rows;
  }

  /** How the tensors were nested in what the model returned; numbers are indices into `tensors`. */
  get structure(): OutputStructure {
    return this.#block.signature.structure;
  }

  /** Where they lie. */
  get location(): OutputBlock {
    return this.#block;
  }

  /** All tensors, flat. */
  get tensors(): readonly Tensor[] {
    this.#tensors ??= viewTensors(this.#block);
    return this.#tensors;
  }

  /** The only tensor. @throws {RangeError} naming those there are, when there are several. */
  get tensor(): Tensor {
    const [first] = this.tensors;
    if (first === undefined || this.tensors.length > 1) {
      throw new RangeError(`the model returns ${this.tensors.length} tensors, ${this.#names()}`);
    }
    return first;
  }

  /**
   * The tensor of a name: the configuration's, or that of a field of what the model returned. A
   * field within a field is `outer.inner`.
   *
   * @throws {RangeError} naming those there are, when none has the name.
   */
  get(name: string): Tensor {
    const tensor = this.tensors[this.#paths().get(name) ?? -1];
    if (tensor === undefined) {
      throw new RangeError(`no output has the name "${name}"; the model returns ${this.#names()}`);
    }
    return tensor;
  }

  #paths(): Map<string, number> {
    const paths = new Map<string, number>();
    collectPaths(this.structure, '', paths);
    const { names } = this.#block;
    const top = topLevel(this.structure);
    for (const [i, name] of (names ?? []).entries()) {
      const output = top[i];
      if (output !== undefined) collectPaths(output, name, paths);
    }
    return paths;
  }

  #names(): string {
    return this.tensors
      .map((tensor, i) => {
        const path = [...this.#paths()].findLast(([, index]) => index === i)?.[0];
        return path === undefined ? tensor.describe() : `"${path}" ${tensor.describe()}`;
      })
      .join(', ');
  }
}

function notTensors(given: unknown): TypeError {
  return new TypeError(`Outputs.of() takes tensors; ${describeValue(given)} was given`);
}

function viewTensors({ signature, block, batchRows, firstRow, rows }: OutputBlock): Tensor[] {
  const offsets = blockOffsets(signature.outputs, batchRows);
  return signature.outputs.map((output, i) => {
    const width = rowBytes(output);
    const start = (offsets[i] ?? 0) + firstRow * width;
    const bytes = block.subarray(start, start + rows * width);
    return Tensor.view(output.dtype, [rows, ...output.dims], bytes);
  });
}

/** What the names of a configuration stand for: elements of a list, or the only tensor. */
function topLevel(structure: OutputStructure): readonly OutputStructure[] {
  if (typeof structure === 'number') return [structure];
  return 'list' in structure ? structure.list : [];
}

function collectPaths(structure: OutputStructure, path: string, paths: Map<string, number>): void {
  if (typeof structure === 'number') {
    if (path !== '') paths.set(path, structure);
    return;
  }
  const children: [string, OutputStructure][] =
    'list' in structure ? structure.list.map((child, i) => [String(i), child]) : structure.fields;
  for (const [key, child] of children) {
    collectPaths(child, path === '' ? key : `${path}.${key}`, paths);
  }
}

function structureOf(tensors: Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>): {
  list: readonly Tensor[];
  structure: OutputStructure;
} {
  if (tensors instanceof Tensor) return { list: [tensors], structure: 0 };
  if (isList(tensors)) return { list: tensors, structure: { list: tensors.map((_, i) => i) } };
  const given: unknown = tensors;
  if (typeof given !== 'object' || given === null) throw notTensors(given);
  const entries = Object.entries(tensors);
  return {
    list: entries.map(([, tensor]) => tensor),
    structure: { fields: entries.map(([name], i) => [name, i]) },
  };
}

function isList(
  tensors: readonly Tensor[] | Readonly<Record<string, Tensor>>,
): tensors is readonly Tensor[] {
  return Array.isArray(tensors);
}

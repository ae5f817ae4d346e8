import { type Dtype, dtypeSize } from '../../native/dtype.js';
import { flatten, type NestedNumbers, nest } from './nested-numbers.js';
import {
  allocateData,
  dataName,
  type NumberArray,
  numbersOf,
  readNumber,
  type TensorData,
  viewData,
  writeNumbers,
} from './tensor-data.js';

/** What a tensor can be filled from. */
export type TensorValues = Tensor | NestedNumbers | ArrayLike<number | bigint>;

/**
 * Elements of one dtype with a shape, over memory of its own or of a batch. The elements of the
 * last dimension lie next to one another.
 */
export class Tensor<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  /** The elements, flat. Of float16 and bfloat16 the raw bits. */
  readonly data: TensorData[D];

  /**
   * @throws {RangeError} when the shape is none or the data has another number of elements.
   * @throws {TypeError} when the data is no array of the dtype.
   */
  constructor(dtype: D, shape: readonly number[], data: TensorData[D]) {
    const size = sizeOf(shape);
    const expected = allocateData(dtype, 0);
    if (data.constructor !== expected.constructor) {
      throw new TypeError(`a ${dtype} tensor holds a ${dataName(dtype)}, not ${nameOf(data)}`);
    }
    if (data.length !== size) {
      throw new RangeError(
        `the shape [${shape.join(', ')}] has ${size} elements; ${data.length} were given`,
      );
    }
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.data = data;
  }

  /** A tensor of zeros. */
  static zeros<D extends Dtype>(dtype: D, shape: readonly number[]): Tensor<D> {
    return new Tensor(dtype, shape, allocateData(dtype, sizeOf(shape)));
  }

  /**
   * A tensor from numbers in nested lists, whose nesting is the shape, or from a flat list and a
   * shape. The numbers are converted.
   *
   * @throws {TypeError} for lists of different lengths, naming the position.
   * @throws {RangeError} when the shape has another number of elements.
   */
  static from<D extends Dtype = 'float32'>(
    values: TensorValues,
    dtype?: D,
    shape?: readonly number[],
  ): Tensor<D>;
  static from(values: TensorValues, dtype: Dtype = 'float32', shape?: readonly number[]): Tensor {
    const flat = flatValues(values);
    const wanted = shape ?? flat.shape;
    checkCount(flat.values.length, sizeOf(wanted), wanted);
    const tensor = Tensor.zeros(dtype, wanted);
    writeNumbers(dtype, tensor.data, flat.values, 0);
    return tensor;
  }

  /**
   * A tensor over bytes, shared memory or not; nothing is copied.
   *
   * @throws {RangeError} when their number is not the shape's, or they do not start at a multiple
   *   of the element's size.
   */
  static view<D extends Dtype>(dtype: D, shape: readonly number[], bytes: Uint8Array): Tensor<D> {
    const size = sizeOf(shape);
    const width = dtypeSize(dtype);
    if (bytes.byteLength !== size * width) {
      throw new RangeError(
        `${dtype}[${shape.join(', ')}] takes ${size * width} bytes; ${bytes.byteLength} were given`,
      );
    }
    if (bytes.byteOffset % width !== 0) {
      throw new RangeError(
        `the bytes start at ${bytes.byteOffset} of their buffer; ${dtype} needs a multiple of ${width}`,
      );
    }
    return new Tensor(dtype, shape, viewData(dtype, bytes.buffer, bytes.byteOffset, size));
  }

  /** Elements. */
  get size(): number {
    return this.data.length;
  }

  /** The same memory as bytes, little-endian. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.data.buffer, this.data.byteOffset, this.data.byteLength);
  }

  /**
   * Writes numbers from element `offset` on, converted to the dtype.
   *
   * @throws {RangeError} unless they fill the rest, or fit when an offset is given.
   */
  set(values: TensorValues, offset?: number): this {
    const start = offset ?? 0;
    const source = flatValues(values).values;
    if (offset === undefined) checkCount(source.length, this.size, this.shape);
    if (!Number.isInteger(start) || start < 0 || start + source.length > this.size) {
      throw new RangeError(
        `${source.length} values from element ${start} on do not fit ${this.describe()}, which has ${this.size}`,
      );
    }
    writeNumbers(this.dtype, this.data, source, start);
    return this;
  }

  /**
   * The part of the tensor at the given indices of its first dimensions: the same memory.
   *
   * @throws {RangeError} for an index outside its dimension.
   */
  at(...index: readonly number[]): Tensor<D> {
    const { start, rest } = this.#locate(index);
    const size = sizeOf(rest);
    const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = this.data;
    const data = viewData(this.dtype, buffer, byteOffset + start * width, size);
    return new Tensor(this.dtype, rest, data);
  }

  /**
   * One element as a number. An int64 beyond 2^53 loses its last digits: read `data` for those.
   *
   * @throws {RangeError} unless there is one valid index for each dimension.
   */
  value(...index: readonly number[]): number {
    const { start, rest } = this.#locate(index);
    if (rest.length > 0) {
      throw new RangeError(
        `${this.describe()} has ${this.shape.length} dimensions; ${index.length} indices were given`,
      );
    }
    return readNumber(this.dtype, this.data, start);
  }

  /** All elements as numbers, flat: the data itself where it holds numbers, else a converted copy. */
  numbers(): NumberArray {
    return numbersOf(this.dtype, this.data);
  }

  /** A copy with another dtype; itself when it has it. */
  to<E extends Dtype>(dtype: E): Tensor<E>;
  to(dtype: Dtype): Tensor {
    return dtype === this.dtype ? this : Tensor.zeros(dtype, this.shape).set(this);
  }

  /** The same memory with another shape of as many elements. */
  reshape(shape: readonly number[]): Tensor<D> {
    return new Tensor(this.dtype, shape, this.data);
  }

  /** Nested lists of numbers, as Python's tolist(); a number without dimensions. */
  toArray(): NestedNumbers {
    return nest(this.numbers(), this.shape);
  }

  /** For messages: `float32[2, 3]`. */
  describe(): string {
    return `${this.dtype}[${this.shape.join(', ')}]`;
  }

  #locate(index: readonly number[]): { start: number; rest: readonly number[] } {
    if (index.length > this.shape.length) {
      throw new RangeError(
        `${this.describe()} has ${this.shape.length} dimensions; ${index.length} indices were given`,
      );
    }
    let start = 0;
    for (const [i, dim] of this.shape.entries()) {
      const at = index[i] ?? 0;
      if (!Number.isInteger(at) || at < 0 || (i < index.length && at >= dim)) {
        throw new RangeError(`index ${at} is outside dimension ${i} of ${this.describe()}`);
      }
      start = start * dim + at;
    }
    return { start, rest: this.shape.slice(index.length) };
  }
}

/** Elements of a shape. */
function sizeOf(shape: readonly number[]): number {
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (shape.every((dim) => Number.isInteger(dim) && dim >= 0) && Number.isSafeInteger(size)) {
    return size;
  }
  throw new RangeError(`[${shape.join(', ')}] is no shape: dimensions are integers from 0 on`);
}

function checkCount(given: number, expected: number, shape: readonly number[]): void {
  if (given === expected) return;
  throw new RangeError(
    `the shape [${shape.join(', ')}] has ${expected} elements; ${given} were given`,
  );
}

function flatValues(values: TensorValues): {
  shape: readonly number[];
  values: ArrayLike<number | bigint>;
} {
  if (values instanceof Tensor) {
    const { data } = values;
    return {
      shape: values.shape,
      values: data instanceof BigInt64Array ? data : values.numbers(),
    };
  }
  if (isNested(values)) return flatten(values);
  if (!isArrayLike(values)) throw new TypeError(`numbers are expected, not ${nameOf(values)}`);
  return { shape: [values.length], values };
}

function isNested(values: NestedNumbers | ArrayLike<number | bigint>): values is NestedNumbers {
  return Array.isArray(values) || typeof values === 'number' || typeof values === 'bigint';
}

/** Bodies of requests are anything, whatever their types say. */
function isArrayLike(values: unknown): boolean {
  return (
    typeof values === 'object' &&
    values !== null &&
    'length' in values &&
    typeof values.length === 'number'
  );
}

function nameOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'an object';
  return value === undefined || value === null ? String(value) : `a ${typeof value}`;
}

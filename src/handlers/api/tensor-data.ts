import { type Dtype, dtypeSize } from '../../native/dtype.js';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half-precision.js';

/** The typed array that holds elements of a dtype. 16-bit floats lie there as raw bits. */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  /** 0 or 1. */
  bool: Uint8Array;
}

type Views = {
  [D in Dtype]: (buffer: ArrayBufferLike, offset: number, size: number) => TensorData[D];
};

const views: Views = {
  float32: (buffer, offset, size) => new Float32Array(buffer, offset, size),
  float64: (buffer, offset, size) => new Float64Array(buffer, offset, size),
  float16: (buffer, offset, size) => new Uint16Array(buffer, offset, size),
  bfloat16: (buffer, offset, size) => new Uint16Array(buffer, offset, size),
  int8: (buffer, offset, size) => new Int8Array(buffer, offset, size),
  int16: (buffer, offset, size) => new Int16Array(buffer, offset, size),
  int32: (buffer, offset, size) => new Int32Array(buffer, offset, size),
  int64: (buffer, offset, size) => new BigInt64Array(buffer, offset, size),
  uint8: (buffer, offset, size) => new Uint8Array(buffer, offset, size),
  bool: (buffer, offset, size) => new Uint8Array(buffer, offset, size),
};

/**
 * A typed array over memory that is there.
 *
 * @param offset bytes, a multiple of the element's size
 * @param size elements
 */
export function viewData<D extends Dtype>(
  dtype: D,
  buffer: ArrayBufferLike,
  offset: number,
  size: number,
): TensorData[D] {
  return views[dtype](buffer, offset, size);
}

/** A typed array of zeros. */
export function allocateData<D extends Dtype>(dtype: D, size: number): TensorData[D] {
  return viewData(dtype, new ArrayBuffer(size * dtypeSize(dtype)), 0, size);
}

const names: { [D in Dtype]: string } = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  float16: 'Uint16Array',
  bfloat16: 'Uint16Array',
  int8: 'Int8Array',
  int16: 'Int16Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
};

/** Name of the typed array that holds a dtype. */
export function dataName(dtype: Dtype): string {
  return names[dtype];
}

/** What a number becomes as an element, for dtypes whose arrays do not convert it themselves. */
const narrow: { readonly [D in Dtype]?: (value: number) => number } = {
  float16: toFloat16,
  bfloat16: toBfloat16,
  bool: (value) => (value === 0 ? 0 : 1),
};

const widen: { readonly [D in Dtype]?: (bits: number) => number } = {
  float16: fromFloat16,
  bfloat16: fromBfloat16,
};

/**
 * Writes numbers into elements of a dtype. Integers are cut as by C and wrap around, as typed
 * arrays do; an int64 takes a bigint as it is.
 *
 * @throws {RangeError} for a number that no int64 can stand for: a NaN, an infinity.
 */
export function writeNumbers(
  dtype: Dtype,
  data: TensorData[Dtype],
  values: ArrayLike<number | bigint>,
  offset: number,
): void {
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i] ?? 0;
      data[offset + i] = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
    }
    return;
  }
  const convert = narrow[dtype];
  for (let i = 0; i < values.length; i += 1) {
    const value = Number(values[i]);
    data[offset + i] = convert === undefined ? value : convert(value);
  }
}

/** One element as a number. An int64 beyond 2^53 loses its last digits. */
export function readNumber(dtype: Dtype, data: TensorData[Dtype], index: number): number {
  const element = Number(data[index]);
  return widen[dtype]?.(element) ?? element;
}

/** Elements that JavaScript reads as the numbers they stand for. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array;

/** All elements as numbers: the data itself where it holds numbers, else a converted copy. */
export function numbersOf(dtype: Dtype, data: TensorData[Dtype]): NumberArray {
  if (data instanceof BigInt64Array || data instanceof Uint16Array) {
    const numbers = new Float64Array(data.length);
    for (let i = 0; i < data.length; i += 1) numbers[i] = readNumber(dtype, data, i);
    return numbers;
  }
  return data;
}

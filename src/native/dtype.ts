/** The element types a tensor may have. The order is the code that crosses into C++ (native/dtype.h). */
export const dtypes = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'bool',
] as const;

export type Dtype = (typeof dtypes)[number];

const sizes: Record<Dtype, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

/** Bytes per element. */
export function dtypeSize(dtype: Dtype): number {
  return sizes[dtype];
}

/** The code of a dtype at the native boundary. */
export function dtypeCode(dtype: Dtype): number {
  return dtypes.indexOf(dtype);
}

/** The dtype of a native code. Throws RangeError for a code that no dtype has. */
export function dtypeOf(code: number): Dtype {
  const dtype = dtypes[code];
  if (dtype === undefined) throw new RangeError(`no dtype has the code ${code}`);
  return dtype;
}

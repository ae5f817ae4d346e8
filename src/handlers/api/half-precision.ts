/**
 * 16-bit floats as raw bits. Narrowing rounds to the nearest, of two equally near to the even one,
 * as IEEE 754 and LibTorch do; it goes by way of float32, as LibTorch's conversions do.
 */
const scratch = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function floatOf(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** The number that bfloat16 bits stand for: the upper half of a float32. */
export function fromBfloat16(bits: number): number {
  return floatOf(bits * 0x10000);
}

/** bfloat16 bits of a number; every NaN becomes the quiet one without a sign, 0x7fc0. */
export function toBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = bitsOf(value);
  const bias = 0x7fff + ((bits >>> 16) & 1);
  return ((bits + bias) >>> 16) & 0xffff;
}

const subnormalStep = 2 ** -24;

/** The number that float16 bits stand for: 1 bit sign, 5 exponent, 10 fraction. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * subnormalStep;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** float16 bits of a number; every NaN becomes a quiet one. */
export function toFloat16(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From half a step above the largest number on, 65520, all is infinite.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | roundToEven(floatOf(magnitude) / subnormalStep);
  const bias = 0xfff + ((magnitude >>> 13) & 1);
  return sign | (((magnitude + bias) >>> 13) - (112 << 10));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * The rows of a batch's first output, float32, as numbers.
 *
 * @param {Uint8Array} block starts with the output, [rows, ...dims]
 * @param {number} rows
 * @param {number[]} dims
 */
export function outputBlock(block, rows, dims) {
  const perRow = dims.reduce((size, dim) => size * dim, 1);
  const copy = new Uint8Array(4 * rows * perRow);
  copy.set(block.subarray(0, copy.length));
  const values = new Float32Array(copy.buffer);
  return Array.from({ length: rows }, (_, row) => [
    ...values.subarray(row * perRow, (row + 1) * perRow),
  ]);
}

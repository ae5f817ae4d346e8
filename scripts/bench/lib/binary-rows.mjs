/**
 * The bytes of a row.
 *
 * @param {number[]} row
 * @param {'float32' | 'uint8'} dtype
 */
export function bytesOfRow(row, dtype = 'float32') {
  return dtype === 'uint8' ? Buffer.from(row) : Buffer.from(Float32Array.from(row).buffer);
}

/** The numbers of a binary reply, float32. @param {Buffer} reply */
export function floats(reply) {
  return Array.from({ length: reply.length / 4 }, (_, i) => reply.readFloatLE(4 * i));
}

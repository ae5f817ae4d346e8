import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Parcel, unpack } from '../../../src/handlers/host/parcel.js';

test('what goes into a parcel comes out of it, aligned, whatever becomes of the original', () => {
  const size = fc.oneof(fc.nat(64), fc.nat(20_000), fc.constant(16 * 1024));
  fc.assert(
    fc.property(fc.array(size, { maxLength: 40 }), (sizes) => {
      const parcel = new Parcel();
      const contents = sizes.map((length, i) => new Uint8Array(length).fill(i + 1));
      const ranges = contents.map((bytes) => {
        const range = parcel.add(bytes);
        bytes.fill(0);
        return range;
      });
      assert.equal(parcel.isEmpty, sizes.length === 0);
      const buffers = parcel.pack();
      assert.ok(parcel.isEmpty);
      for (const [i, range] of ranges.entries()) {
        const bytes = unpack(buffers, range);
        assert.equal(bytes.byteOffset % 8, 0);
        assert.deepEqual(bytes, new Uint8Array(sizes[i] ?? 0).fill(i + 1));
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
} from '../../../src/handlers/api/half-precision.js';
import { root } from '../../support/paths.js';

interface Digests {
  widened: string;
  narrowed: string;
}

const expected: { lower: number[]; float16: Digests; bfloat16: Digests } = JSON.parse(
  readFileSync(join(root, 'test/fixtures/half_precision.json'), 'utf8'),
);

const formats = [
  { name: 'float16', from: fromFloat16, to: toFloat16 },
  { name: 'bfloat16', from: fromBfloat16, to: toBfloat16 },
] as const;

function digest(array: Float32Array | Uint16Array): string {
  return createHash('sha256').update(new Uint8Array(array.buffer)).digest('hex');
}

function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;
}

for (const { name, from, to } of formats) {
  suite(name, () => {
    test('all 65,536 values are what LibTorch reads', () => {
      const values = Float32Array.from({ length: 0x10000 }, (_, bits) => from(bits));
      const quiet = values.map((value) => (Number.isNaN(value) ? 0 : value));
      assert.equal(digest(quiet), expected[name].widened);
    });

    test('numbers around every point where rounding turns are what LibTorch writes', () => {
      const bits = expected.lower.flatMap((lower) =>
        Array.from({ length: 0x10000 }, (_, upper) => {
          const value = floatOf(upper * 0x10000 + lower);
          return Number.isNaN(value) ? 0 : to(value);
        }),
      );
      assert.equal(digest(Uint16Array.from(bits)), expected[name].narrowed);
    });

    test('what was read is written as it was', () => {
      for (let bits = 0; bits < 0x10000; bits += 1) {
        const value = from(bits);
        if (!Number.isNaN(value)) assert.equal(to(value), bits);
      }
    });

    test('a NaN stays one', () => {
      assert.ok(Number.isNaN(from(to(Number.NaN))));
    });

    test('no value of the format is nearer than the one that is written', () => {
      fc.assert(
        fc.property(fc.float({ noNaN: true }), (value) => {
          const bits = to(value);
          // The digests hold where numbers become infinite.
          if (!Number.isFinite(from(bits))) return;
          const distance = Math.abs(from(bits) - value);
          for (const other of [bits - 1, bits + 1]) {
            if ((other & 0x7fff) === 0x7fff || other < 0 || other > 0xffff) continue;
            const near = from(other);
            if (Number.isFinite(near)) assert.ok(!(Math.abs(near - value) < distance));
          }
        }),
      );
    });
  });
}

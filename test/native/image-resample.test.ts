import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { NativeImage } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { expectedImages, pattern, sha256 } from '../support/image-fixtures.js';

interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

function image(width: number, height: number, channels: number): NativeImage {
  return { pixels: pattern(width * height * channels), width, height, channels };
}

function resized(
  source: NativeImage,
  width: number,
  height: number,
  window: Window = { left: 0, top: 0, width, height },
): Uint8Array {
  const target = new Uint8Array(window.width * window.height * source.channels).fill(77);
  addon().resizeImage(source, { width, height }, window, target);
  return target;
}

suite('resizeImage', () => {
  for (const { from, channels, to, sha256: expected } of expectedImages.resized) {
    test(`makes ${to.join('x')} of ${from.join('x')}x${channels} as Pillow does, byte for byte`, () => {
      const [width, height] = from;
      assert.equal(sha256(resized(image(width, height, channels), ...to)), expected);
    });
  }

  test('writes of a window what it shows of the whole, and zeros beyond', () => {
    const side = fc.integer({ min: 1, max: 40 });
    const edge = fc.integer({ min: -50, max: 50 });
    fc.assert(
      fc.property(
        fc.record({ width: side, height: side, channels: fc.integer({ min: 1, max: 4 }) }),
        fc.record({ width: side, height: side }),
        fc.record({ left: edge, top: edge, width: side, height: side }),
        (from, to, window) => {
          const source = image(from.width, from.height, from.channels);
          const whole = resized(source, to.width, to.height);
          const part = resized(source, to.width, to.height, window);
          const expected = Uint8Array.from(part, (_, i) => {
            const channel = i % from.channels;
            const pixel = Math.floor(i / from.channels);
            const x = window.left + (pixel % window.width);
            const y = window.top + Math.floor(pixel / window.width);
            if (x < 0 || x >= to.width || y < 0 || y >= to.height) return 0;
            return whole[(y * to.width + x) * from.channels + channel] ?? 0;
          });
          assert.deepEqual(part, expected);
        },
      ),
    );
  });

  test('keeps an image of the same size as it is', () => {
    const source = image(53, 31, 3);
    assert.deepEqual(resized(source, 53, 31), source.pixels);
  });

  test('keeps one colour through every size', () => {
    const source = {
      pixels: new Uint8Array(3 * 9 * 5).fill(255),
      width: 9,
      height: 5,
      channels: 3,
    };
    assert.ok(resized(source, 1000, 1).every((level) => level === 255));
    assert.ok(resized(source, 2, 700).every((level) => level === 255));
  });

  test('takes little memory for a window of an image that is very long and thin', () => {
    const source = image(1, 100_000, 3);
    const window = { left: 16, top: 12_799_888, width: 224, height: 224 };
    assert.equal(resized(source, 256, 25_600_000, window).length, 224 * 224 * 3);
  });

  const good = image(4, 3, 3);
  const wrong: [string, NativeImage, number, number, Window, number, RegExp][] = [
    ['no width', { ...good, width: 0 }, 2, 2, full(2, 2), 12, /width is 0/],
    ['too few pixels', { ...good, height: 4 }, 2, 2, full(2, 2), 12, /36 bytes, not 48/],
    ['too many channels', { ...good, channels: 5 }, 2, 2, full(2, 2), 12, /channels is 5/],
    ['a side that overflows', { ...good, width: 2 ** 52 }, 2, 2, full(2, 2), 12, /width is/],
    ['no size to scale to', good, 0, 2, full(2, 2), 12, /scaled width is 0/],
    ['a scaled side that overflows', good, 2, 2 ** 40, full(2, 2), 12, /scaled height is/],
    ['a window without rows', good, 2, 2, full(2, 0), 0, /window's height is 0/],
    ['a window far away', good, 2, 2, { ...full(2, 2), left: -(2 ** 50) }, 12, /left edge is/],
    ['a target of another size', good, 2, 2, full(2, 2), 13, /target has 13 bytes, not 12/],
  ];
  for (const [what, source, width, height, window, bytes, message] of wrong) {
    test(`refuses ${what}`, () => {
      const call = () =>
        addon().resizeImage(source, { width, height }, window, new Uint8Array(bytes));
      assert.throws(call, { code: 'INTERNAL', message });
    });
  }
});

function full(width: number, height: number): Window {
  return { left: 0, top: 0, width, height };
}

suite('normalizeImage', () => {
  test('writes (pixel / 255 - mean) / std in float32, channel after channel', () => {
    const source = image(5, 4, 3);
    const mean = Float32Array.of(0.485, 0.456, 0.406);
    const std = Float32Array.of(0.229, 0.224, 0.225);
    const target = new Float32Array(60);
    addon().normalizeImage(source, mean, std, target);
    const expected = Float32Array.from(target, (_, i) => {
      const channel = Math.floor(i / 20);
      const level = Math.fround((source.pixels[(i % 20) * 3 + channel] ?? 0) / 255);
      return Math.fround(level - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    });
    assert.deepEqual(target, expected);
  });

  test('refuses what does not fit together', () => {
    const source = image(5, 4, 3);
    const three = new Float32Array(3);
    const normalize = (mean: Float32Array, target: number) => () =>
      addon().normalizeImage(source, mean, three, new Float32Array(target));
    assert.throws(normalize(three, 59), { code: 'INTERNAL', message: /59 elements/ });
    assert.throws(normalize(new Float32Array(1), 60), { code: 'INTERNAL', message: /1 and 3/ });
  });
});

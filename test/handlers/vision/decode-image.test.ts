import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import sharp from 'sharp';
import { expectedImages, imageFile, sha256 } from '../../support/image-fixtures.js';
import { decode } from './decode.js';

suite('the pixels of an image file', () => {
  for (const [name, expected] of Object.entries(expectedImages.decoded)) {
    test(`${name} is decoded as by Pillow, byte for byte`, async () => {
      const { width, height, channels, pixels } = await decode(imageFile(name));
      const found = { width, height, sha256: sha256(pixels) };
      assert.deepEqual({ ...found, channels }, { ...expected, channels: 3 });
    });
  }

  test('grey of 16 bits keeps the upper 8', async () => {
    const levels = Uint16Array.from({ length: 6 }, (_, i) => i * 0x2345);
    const raw = { width: 3, height: 2, channels: 1, depth: 'ushort' } as const;
    const file = await sharp(levels, { raw }).toColourspace('grey16').png().toBuffer();
    const { pixels } = await decode(file);
    assert.deepEqual(pixels, Buffer.from([...levels].flatMap((v) => [v >> 8, v >> 8, v >> 8])));
  });

  test('AVIF is decoded, its colours to a few levels', async () => {
    const background = { r: 200, g: 100, b: 50 };
    const create = { width: 16, height: 8, channels: 3, background } as const;
    const { width, height, pixels } = await decode(await sharp({ create }).avif().toBuffer());
    assert.deepEqual([width, height], [16, 8]);
    assert.ok(pixels.every((level, i) => Math.abs(level - ([200, 100, 50][i % 3] ?? 0)) < 8));
  });

  test('the orientation that a camera noted counts when it is asked for', async () => {
    const file = imageFile('turned.jpg');
    const turned = await decode(file, { exifOrientation: true });
    assert.deepEqual([turned.width, turned.height], [61, 97]);
    const plain = await decode(file);
    assert.deepEqual([plain.width, plain.height], [97, 61]);
    // Orientation 6 turns clockwise: the first row becomes the last column.
    assert.deepEqual(turned.pixels.subarray(60 * 3, 61 * 3), plain.pixels.subarray(0, 3));
  });

  test('bytes in shared memory are decoded in place', async () => {
    const file = imageFile('420.jpg');
    const shared = new Uint8Array(new SharedArrayBuffer(file.length + 5), 5);
    shared.set(file);
    const { pixels } = await decode(shared);
    assert.equal(sha256(pixels), expectedImages.decoded['420.jpg']?.sha256);
  });

  test('many at once come out each as it should', async () => {
    const names = Object.keys(expectedImages.decoded);
    const many = Array.from({ length: 200 }, (_, i) => names[i % names.length] ?? '');
    const images = await Promise.all(many.map((name) => decode(imageFile(name))));
    for (const [i, { pixels }] of images.entries()) {
      assert.equal(sha256(pixels), expectedImages.decoded[many[i] ?? '']?.sha256);
    }
  });
});

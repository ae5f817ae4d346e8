import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { RasterImage } from '../../../src/handlers/vision/raster-image.js';
import { expectedImages, imageFile, pattern, sha256 } from '../../support/image-fixtures.js';
import { decode } from './decode.js';

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

function made(width: number, height: number): RasterImage {
  return new RasterImage(width, height, 3, pattern(width * height * 3));
}

suite('RasterImage', () => {
  for (const [name, expected] of Object.entries(expectedImages.transformed)) {
    test(`${name} becomes what TorchServe's image_classifier makes of it, bit for bit`, async () => {
      const image = await decode(imageFile(name));
      const row = Tensor.zeros('float32', [3, 224, 224]);
      image.resizeAndCrop(256, 224).writeTo(row, imageNet.mean, imageNet.std);
      assert.equal(sha256(row.bytes), expected);
    });
  }

  for (const { from, resize, crop, sha256: expected } of expectedImages.cropped) {
    test(`Resize(${resize}), CenterCrop(${crop}) of ${from.join('x')} is torchvision's`, () => {
      const row = Tensor.zeros('float32', [3, crop, crop]);
      made(...from)
        .resizeAndCrop(resize, crop)
        .writeTo(row);
      assert.equal(sha256(row.bytes), expected);
      const inSteps = made(...from)
        .resizeShorterSide(resize)
        .centerCrop(crop);
      assert.deepEqual(inSteps, made(...from).resizeAndCrop(resize, crop));
    });
  }

  test("grey() is Pillow's convert('L')", async () => {
    const grey = (await decode(imageFile('rgb.png'))).grey();
    assert.equal(grey.channels, 1);
    assert.equal(sha256(grey.pixels), expectedImages.grey);
    assert.equal(grey.grey(), grey);
  });

  test('is written into rows of shared memory and of other dtypes', () => {
    const image = made(4, 2);
    const floats = Tensor.zeros('float32', [3, 2, 4]);
    image.writeTo(floats, [0, 0, 0], [0.5, 0.5, 0.5]);
    const shared = Tensor.view('float32', [3, 2, 4], new Uint8Array(new SharedArrayBuffer(96)));
    image.writeTo(shared, [0, 0, 0], [0.5, 0.5, 0.5]);
    assert.deepEqual([...shared.data], [...floats.data]);
    const halves = Tensor.zeros('float16', [3, 2, 4]);
    image.writeTo(halves, [0, 0, 0], [0.5, 0.5, 0.5]);
    assert.deepEqual(halves.data, floats.to('float16').data);
  });

  test('refuses a row of another shape, and pixels of another size', () => {
    const row = Tensor.zeros('float32', [3, 4, 2]);
    assert.throws(
      () => made(4, 2).writeTo(row),
      /\[3, 2, 4\] does not fit the row float32\[3, 4, 2\]/,
    );
    assert.throws(() => new RasterImage(2, 2, 3, new Uint8Array(11)), /12 bytes; 11 were given/);
  });
});

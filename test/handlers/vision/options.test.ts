import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cropOption, visionOptions } from '../../../src/handlers/vision/options.js';

suite("an image handler's options", () => {
  test("are TorchServe's constants unless the configuration has others", () => {
    const expected = {
      resize: 256,
      crop: 224,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      interpolation: 'bilinear',
      exifOrientation: false,
      topk: 5,
      threshold: 0.5,
    };
    assert.deepEqual(visionOptions({}, []), expected);
    assert.deepEqual(visionOptions({ handler: null, minWorkers: 2 }, []), expected);
    const { resize, topk } = visionOptions({ handler: { resize: 32, profile: true } }, []);
    assert.deepEqual([resize, topk], [32, 5]);
    assert.equal(cropOption({ handler: { crop: 7, mine: 1 } }), 7);
  });

  const wrong: [object, RegExp][] = [
    [{ resize: 0 }, /^handler\.resize must be >= 1/],
    [{ resize: 12.5 }, /^handler\.resize must be integer/],
    [{ crop: 100_000 }, /^handler\.crop must be <= 8192/],
    [{ mean: [0, 0] }, /^handler\.mean must not have fewer than 3 items/],
    [{ std: [1, 0, 1] }, /^handler\.std\.1 must be > 0/],
    [{ interpolation: 'bicubic' }, /^handler\.interpolation must be one of bilinear/],
    [{ exifOrientation: 'yes' }, /^handler\.exifOrientation must be boolean/],
    [{ topk: 0 }, /^handler\.topk must be >= 1/],
    [{ threshold: 2 }, /^handler\.threshold must be <= 1/],
    [{ topK: 3 }, /^handler\.topK is not known here/],
  ];
  for (const [handler, message] of wrong) {
    test(`${JSON.stringify(handler)} is refused`, () => {
      const refused = { code: 'INVALID_CONFIGURATION', message };
      assert.throws(() => visionOptions({ handler }, []), refused);
    });
  }

  test('leave alone the keys that a subclass names as its own', () => {
    assert.equal(visionOptions({ handler: { topK: 3, crop: 8 } }, ['topK']).crop, 8);
    const refused = { code: 'INVALID_CONFIGURATION', message: /^handler must be object/ };
    assert.throws(() => visionOptions({ handler: 'image' }, ['topK']), refused);
  });
});

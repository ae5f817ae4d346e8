import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { addon } from '../../src/native/binding.js';
import { expectedImages, pattern } from '../support/image-fixtures.js';

/** Torch's own result differs by its vector unit; the last digits of float32 are free. */
const tolerance = 1e-6;

function assertClose(actual: Float32Array, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    assert.ok(difference <= tolerance * Math.abs(value), `${i}: ${actual[i]} is not ${value}`);
  }
}

function probabilities(scores: readonly number[]): Float32Array {
  const target = new Float32Array(scores.length);
  addon().softmax(Float32Array.from(scores), target);
  return target;
}

function strongestClasses(scores: Float32Array, classes: number): Float32Array {
  const target = new Float32Array((scores.length / classes) * 2);
  addon().strongestClasses(scores, classes, target);
  return target;
}

suite('softmax', () => {
  test('is what PyTorch computes, to one part in a million', () => {
    const scores = Array.from(pattern(1000), (byte) => byte / 16 - 8);
    assertClose(probabilities(scores), expectedImages.softmax);
  });

  test('does not overflow', () => {
    assert.deepEqual(probabilities([1e38, 1e38]), Float32Array.of(0.5, 0.5));
    assert.deepEqual(probabilities([-1e38, 3e38]), Float32Array.of(0, 1));
  });

  test('is NaN where there is a NaN or an infinity, as in PyTorch', () => {
    for (const scores of [
      [1, Number.NaN],
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
    ]) {
      assert.deepEqual([...probabilities(scores)], [Number.NaN, Number.NaN]);
    }
  });

  test('takes no scores, and refuses a target of another size', () => {
    assert.deepEqual(probabilities([]), new Float32Array(0));
    const mismatch = () => addon().softmax(new Float32Array(2), new Float32Array(3));
    assert.throws(mismatch, { code: 'INTERNAL', message: /2 scores for 3/ });
  });
});

suite('topK', () => {
  for (const { size, levels, indices } of expectedImages.topk) {
    test(`orders the ${indices.length} largest of ${size} with ${levels} levels as torch.topk`, () => {
      const values = Float32Array.from(pattern(size), (byte) => byte % levels);
      const found = new Int32Array(indices.length);
      addon().topK(values, found);
      assert.deepEqual([...found], indices);
    });
  }

  test('puts NaN first', () => {
    const found = new Int32Array(2);
    addon().topK(Float32Array.of(1, Number.NaN, 3), found);
    assert.deepEqual([...found], [1, 2]);
  });

  test('refuses more than there are', () => {
    const call = () => addon().topK(new Float32Array(2), new Int32Array(3));
    assert.throws(call, { code: 'INTERNAL', message: /3 of 2/ });
  });
});

suite('strongestClasses', () => {
  test('is what PyTorch computes, to one part in a million', () => {
    const scores = Float32Array.from(pattern(21 * 100), (byte) => byte % 32);
    assertClose(strongestClasses(scores, 21), expectedImages.segmented.flat());
  });

  test('takes the first of equal classes, and NaN for class 0', () => {
    const scores = Float32Array.of(2, 1, 2, Number.NaN, 0, 1);
    const [a, , b, nan] = strongestClasses(scores, 3);
    assert.deepEqual([a, b, nan], [0, 0, Number.NaN]);
  });

  test('refuses what does not fit together', () => {
    const call = (scores: number, classes: number, target: number) => () =>
      addon().strongestClasses(new Float32Array(scores), classes, new Float32Array(target));
    for (const refused of [call(6, 0, 6), call(6, 3, 5), call(7, 3, 4), call(6, 3, 6)]) {
      assert.throws(refused, { code: 'INTERNAL', message: /scores of/ });
    }
  });
});

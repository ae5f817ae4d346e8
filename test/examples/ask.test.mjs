import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceOf } from '../../scripts/examples/ask.mjs';

const exact = { relative: 0, absolute: 0 };

for (const [given, wanted, difference] of [
  [1, 2, 'answer is 1, not 2'],
  [[1, [2]], [1, [3]], 'answer.1.0 is 2, not 3'],
  [{ a: { b: 1 } }, { a: { b: 2 } }, 'answer.a.b is 1, not 2'],
  [[1], [1, 2], 'answer has 0, not 0, 1'],
  [{ cat: 1, dog: 0 }, { dog: 0, cat: 1 }, 'answer has cat, dog, not dog, cat'],
  [{ 0: 1 }, [1], 'answer is {"0":1}, not [1]'],
  [null, {}, 'answer is null, not {}'],
  ['1', 1, 'answer is "1", not 1'],
  [undefined, 1, 'answer is undefined, not 1'],
]) {
  test(`${JSON.stringify(given)} is not ${JSON.stringify(wanted)}`, () => {
    assert.equal(differenceOf(given, wanted, exact), difference);
  });
}

test('numbers may differ by the tolerance, and are no numbers when they are not finite', () => {
  const tolerance = { relative: 0.1, absolute: 0.5 };
  assert.equal(differenceOf({ a: [11.5] }, { a: [10] }, tolerance), undefined);
  assert.equal(differenceOf(11.6, 10, tolerance), 'answer is 11.6, not 10');
  assert.equal(differenceOf(Number.NaN, 10, tolerance), 'answer is NaN, not 10');
  assert.equal(differenceOf(-1, 1, { relative: 1, absolute: 0 }), 'answer is -1, not 1');
});

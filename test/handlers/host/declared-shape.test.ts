import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BaseHandler } from '../../../src/handlers/api/base-handler.js';
import { declaredShape } from '../../../src/handlers/host/declared-shape.js';

function declaring(shape: unknown): typeof BaseHandler {
  return class Declaring extends BaseHandler {
    static rowShape(): unknown {
      return shape;
    }
  };
}

suite('the row shape that a class declares', () => {
  test('is taken', () => {
    const shape = [{ dtype: 'float32', dims: [3, 2] }];
    assert.deepEqual(declaredShape(declaring(shape), {}, 1), shape);
  });

  test('is made from the configuration', () => {
    class Square extends BaseHandler {
      static rowShape({ side }: Record<string, unknown>): unknown {
        return [{ dtype: 'uint8', dims: [side, side] }];
      }
    }
    assert.deepEqual(declaredShape(Square, { side: 4 }, 1), [{ dtype: 'uint8', dims: [4, 4] }]);
  });

  test('may be absent', () => {
    assert.equal(declaredShape(BaseHandler, {}, 1), undefined);
    assert.equal(declaredShape(declaring(undefined), {}, 1), undefined);
  });

  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const wrong: unknown[] = [
    ...[null, 3, 'float32', {}, [], cyclic, 1n],
    [{ dtype: 'float32' }],
    [{ dtype: 'float31', dims: [1] }],
    [{ dtype: 'float32', dims: [-1] }],
    [{ dtype: 'float32', dims: [1.5] }],
    [{ dtype: 'float32', dims: ['1'] }],
    [{ dtype: 'float32', dims: [2 ** 40, 2 ** 40] }],
    [
      { dtype: 'float32', dims: [1] },
      { dtype: 'float32', dims: [1] },
    ],
  ];
  for (const [i, shape] of wrong.entries()) {
    test(`is refused when it is none (${i})`, () => {
      assert.throws(() => declaredShape(declaring(shape), {}, 1), {
        code: 'INVALID_CONFIGURATION',
        message: /^Declaring\.rowShape\(\) returned .*; a list of \{dtype, dims\} is expected/,
      });
    });
  }
});

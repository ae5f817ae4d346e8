import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';

/** Three rows of a float32[2] and an int64, of a batch; the request has the last two. */
function inBatch(names: readonly string[] | null = null): Outputs {
  const all = Outputs.of([
    Tensor.from([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    Tensor.from([7, 8, 9], 'int64'),
  ]);
  return new Outputs({ ...all.location, names, firstRow: 1, rows: 2 });
}

suite('the outputs of a request', () => {
  test('are views of its rows in the batch', () => {
    const outputs = inBatch();
    assert.equal(outputs.rows, 2);
    const [first, second] = outputs.tensors;
    assert.deepEqual(first?.toArray(), [
      [3, 4],
      [5, 6],
    ]);
    assert.deepEqual(second?.toArray(), [8, 9]);
    assert.equal(first?.data.buffer, outputs.location.block.buffer);
  });

  test('have the names of the configuration, or those of the model', () => {
    assert.deepEqual(inBatch(['scores', 'best']).get('best').toArray(), [8, 9]);
    assert.deepEqual(inBatch().get('1').toArray(), [8, 9]);
    const named = Outputs.of({ mean: Tensor.from([1]), __proto: Tensor.from([2]) });
    assert.deepEqual(named.get('__proto').toArray(), [2]);
    const { location } = inBatch();
    const structure = { fields: [['outer', { fields: [['inner', 1]] }]] } satisfies {
      fields: [string, { fields: [string, number][] }][];
    };
    const nested = new Outputs({ ...location, signature: { ...location.signature, structure } });
    assert.deepEqual(nested.get('outer.inner').toArray(), [7, 8, 9].slice(1));
  });

  test('say which there are when one is asked for that is not there', () => {
    assert.throws(
      () => inBatch(['scores', 'best']).get('worst'),
      /no output has the name "worst"; the model returns "scores" float32\[2, 2\], "best" int64\[2\]$/,
    );
    assert.throws(() => inBatch().tensor, /the model returns 2 tensors, "0" float32\[2, 2\], "1"/);
    assert.deepEqual(Outputs.of(Tensor.from([1])).tensor.toArray(), [1]);
    assert.deepEqual(
      new Outputs({ ...Outputs.of(Tensor.from([1])).location, names: ['a'] }).get('a').size,
      1,
    );
  });

  test('are refused when their rows differ', () => {
    assert.throws(
      () => Outputs.of({ a: Tensor.from([1, 2]), b: Tensor.from([1]) }),
      /outputs: float32\[1\] does not have 2 rows, as float32\[2\] has/,
    );
    assert.throws(() => Outputs.of([]), /no outputs/);
    assert.throws(() => Outputs.of(Tensor.from(1)), /float32\[\] has no rows/);
  });
});

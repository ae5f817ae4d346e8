import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

after(closeOpenModels);

async function limits(model: string): Promise<Record<string, number | undefined>> {
  const { description } = await OpenModel.load(fixture(model));
  return Object.fromEntries(
    (description?.arguments ?? []).map(({ name, indexLimit }) => [name, indexLimit]),
  );
}

suite('the largest index that a model allows', () => {
  test('is known where every element of an argument is one', async () => {
    const known = await limits('indices.pt');
    assert.equal(known.direct, 5);
    assert.equal(known.reshaped, 9);
    assert.equal(known.bagged, 7);
  });

  test('is that of the smallest embedding', async () => {
    assert.equal((await limits('indices.pt')).shared, 5);
  });

  test('is not known of what is cut, changed, written or looked up at times only', async () => {
    const known = await limits('indices.pt');
    for (const name of ['sliced', 'shifted', 'guarded']) {
      assert.equal(known[name], undefined, name);
    }
    assert.deepEqual(await limits('clamps.pt'), { ids: undefined });
  });

  test('is not known of what is no index of an embedding', async () => {
    assert.deepEqual(await limits('picks.pt'), { ids: undefined });
    assert.deepEqual(await limits('linear.pt'), { input: undefined });
  });

  test('is that of an embedding whose file was frozen, or not', async () => {
    assert.deepEqual(await limits('embedding.pt'), { ids: 10 });
    const { description } = await OpenModel.load(fixture('embedding.pt'), { freeze: false });
    assert.equal(description?.arguments[0]?.indexLimit, 10);
  });
});

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { BatchEvent, InputForm } from '../../src/native/addon.js';
import { dtypeOf } from '../../src/native/dtype.js';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

after(closeOpenModels);

/** Reserves, writes and commits one row of int64. */
function putIds(slab: TestSlab, ids: readonly number[]): number {
  const row = slab.reserve(1);
  const start = (slab.layout.inputs[0]?.offset ?? 0) + row * (slab.layout.rowBytes[0] ?? 0);
  const view = new BigInt64Array(slab.memory.buffer, slab.memory.byteOffset + start, ids.length);
  view.set(ids.map(BigInt));
  slab.commit(row, 1);
  return row;
}

/** All floats of the batch's only output. */
function outputs(slab: TestSlab, event: BatchEvent, perRow: number): number[][] {
  const values = [...slab.output(event, perRow)];
  return Array.from({ length: event.rows }, (_, row) =>
    values.slice(row * perRow, (row + 1) * perRow),
  );
}

suite('joined rows and their offsets', () => {
  const options = { inputForms: ['joined', 'offsets'] as const };

  test('a batch gives each row what it gets alone', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'), options);
    const texts = [
      [1, 2, 3],
      [4, 4, 4],
      [19, 0, 7],
    ];
    const slab = model.addSlab([{ dtype: 'int64', dims: [3] }], 4, 256);
    const alone: number[][] = [];
    for (const text of texts) {
      putIds(slab, text);
      alone.push(...outputs(slab, await model.run(slab), 3));
      slab.words.fill(0);
    }
    for (const text of texts) putIds(slab, text);
    const event = await model.run(slab);
    assert.equal(event.errors, undefined);
    assert.deepEqual(outputs(slab, event, 3), alone);
    await model.close();
  });

  test('rows beside a cancelled one are joined without it', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'), options);
    const slab = model.addSlab([{ dtype: 'int64', dims: [2] }], 4, 256);
    putIds(slab, [1, 2]);
    slab.discard(slab.reserve(1), 1);
    putIds(slab, [1, 2]);
    const event = await model.run(slab);
    assert.equal(event.rows, 2);
    const [first, second] = outputs(slab, event, 3);
    assert.deepEqual(first, second);
    await model.close();
  });

  test('an empty row is an empty bag', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'), options);
    const slab = model.addSlab([{ dtype: 'int64', dims: [0] }], 4, 256);
    slab.commit(slab.reserve(2), 2);
    const event = await model.run(slab);
    assert.equal(event.errors, undefined);
    assert.equal(event.rows, 2);
    await model.close();
  });

  test('rows without a dimension are refused', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'), options);
    const slab = model.addSlab([{ dtype: 'int64', dims: [] }], 4, 256);
    slab.commit(slab.reserve(2), 2);
    const { errors } = await model.run(slab);
    assert.deepEqual(
      errors?.map(({ code }) => code),
      ['INVALID_REQUEST', 'INVALID_REQUEST'],
    );
    assert.match(errors?.[0]?.message ?? '', /joined along their first dimension/);
    await model.close();
  });

  test('offsets without joined rows before them are refused', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'), { inputForms: ['rows', 'offsets'] });
    const slab = model.addSlab([{ dtype: 'int64', dims: [2] }], 4, 256);
    putIds(slab, [1, 2]);
    const { errors } = await model.run(slab);
    assert.equal(errors?.[0]?.code, 'INVALID_REQUEST');
    await model.close();
  });

  test('a form of another name is refused', () => {
    const inputForms: InputForm[] = JSON.parse('["list"]');
    assert.throws(() => new OpenModel(fixture('text_bag.pt'), { inputForms }), {
      code: 'INTERNAL',
    });
  });

  test('the index and the offsets of an EmbeddingBag are known to be int64', async () => {
    const model = await OpenModel.load(fixture('text_bag.pt'));
    assert.deepEqual(
      model.description?.arguments.map(({ name, dtype }) => [name, dtypeOf(dtype ?? -1)]),
      [
        ['text', 'int64'],
        ['offsets', 'int64'],
      ],
    );
    await model.close();
  });
});

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { BatchEvent } from '../../src/native/addon.js';
import { dtypeOf } from '../../src/native/dtype.js';
import { blockOffsets } from '../../src/tensors/batch-outputs.js';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

after(closeOpenModels);

interface Field {
  /** Without the batch dimension. */
  dims: number[];
  /** Of all rows. */
  values: number[];
}

/** The fields of a batch. */
function fieldsOf(model: OpenModel, slab: TestSlab, event: BatchEvent): Record<string, Field> {
  const { outputs, structure } = model.model.signature(event.signature);
  assert.ok(typeof structure === 'object' && 'fields' in structure);
  const specs = outputs.map(({ dtype, dims }) => ({ dtype: dtypeOf(dtype), dims }));
  const offsets = blockOffsets(specs, event.rows);
  const area = slab.memory.subarray(slab.layout.outputOffset);
  const block = Uint8Array.from(event.overflow ?? area);
  return Object.fromEntries(
    structure.fields.map(([name, index]) => {
      assert.ok(typeof index === 'number');
      const spec = specs[index];
      assert.ok(spec !== undefined);
      const count = spec.dims.reduce((product, dim) => product * dim, event.rows);
      const values =
        spec.dtype === 'int64'
          ? [...new BigInt64Array(block.buffer, offsets[index], count)].map(Number)
          : [...new Float32Array(block.buffer, offsets[index], count)];
      return [name, { dims: spec.dims, values }];
    }),
  );
}

const load = () => OpenModel.load(fixture('detector.pt'));

/** Images of five pixels, [1, 1, 5]; `outputBytes` decides whether the outputs fit the slab. */
const slabOf = (model: OpenModel, outputBytes = 0) =>
  model.addSlab([{ dtype: 'float32', dims: [1, 1, 5] }], 8, outputBytes);

suite('one dict for each row', () => {
  test('fields are padded with zeros to the longest row, and the lengths are told', async () => {
    const model = await load();
    for (const outputBytes of [0, 4096]) {
      const slab = slabOf(model, outputBytes);
      slab.put([2, 10, 20, 30, 40]);
      slab.put([0, 9, 9, 9, 9]);
      slab.put([1, 5, 6, 7, 8]);
      const event = await model.run(slab);
      assert.equal(event.errors, undefined);
      assert.deepEqual(fieldsOf(model, slab, event), {
        boxes: {
          dims: [2, 4],
          values: [
            ...[10, 20, 30, 40, 20, 40, 60, 80],
            ...[0, 0, 0, 0, 0, 0, 0, 0],
            ...[5, 6, 7, 8, 0, 0, 0, 0],
          ],
        },
        labels: { dims: [2], values: [1, 2, 0, 0, 1, 0] },
        scores: { dims: [2], values: [1, 0.5, 0, 0, 1, 0] },
        size: { dims: [], values: [5, 5, 5] },
        count: { dims: [], values: [2, 0, 1] },
      });
    }
    await model.close();
  });

  test('rows without any entry have fields of length 0', async () => {
    const model = await load();
    const slab = slabOf(model);
    slab.put([0, 1, 1, 1, 1]);
    slab.put([0, 1, 1, 1, 1]);
    const event = await model.run(slab);
    assert.equal(event.errors, undefined);
    const { boxes, scores, count } = fieldsOf(model, slab, event);
    assert.deepEqual(boxes, { dims: [0, 4], values: [] });
    assert.deepEqual(scores, { dims: [0], values: [] });
    assert.deepEqual(count, { dims: [], values: [0, 0] });
    await model.close();
  });

  test('a row that fails costs no other row its answer, whatever their lengths are', async () => {
    const model = await load();
    for (const outputBytes of [0, 4096]) {
      const slab = slabOf(model, outputBytes);
      const lengths = [3, 0, -1, 1, 5, -1, 2, 0];
      for (const length of lengths) slab.put([length, 1, 2, 3, 4]);
      const event = await model.run(slab);
      assert.deepEqual(
        event.errors?.map(({ row, code }) => [row, code]),
        [
          [2, 'MODEL_FAILED'],
          [5, 'MODEL_FAILED'],
        ],
      );
      const { count, labels } = fieldsOf(model, slab, event);
      const answered = lengths.filter((length) => length >= 0);
      assert.deepEqual(count?.values, answered);
      assert.deepEqual(
        labels?.values,
        answered.flatMap((length) => [1, 2, 3, 4, 5].map((label) => (label > length ? 0 : label))),
      );
    }
    await model.close();
  });

  test('forward takes a list of rows, and its optional targets are left out', async () => {
    const model = await load();
    assert.deepEqual(
      model.description?.arguments.map(({ type }) => type),
      ['List[Tensor]', 'Optional[List[Dict[str, Tensor]]]'],
    );
    await model.close();
  });
});

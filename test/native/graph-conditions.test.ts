import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { NativeModelOptions } from '../../src/native/addon.js';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

afterEach(closeOpenModels);

async function problemOf(
  file: string,
  options: Partial<NativeModelOptions> = {},
): Promise<string | undefined> {
  const { description } = await OpenModel.load(fixture(file), options);
  assert.ok(description);
  return description.graphsProblem;
}

describe('whether a CUDA graph can repeat a forward', () => {
  for (const file of [
    'linear.pt',
    'named.pt',
    'pair.pt',
    'dictionary.pt',
    'nested.pt',
    'listed.pt',
    'convolution.pt',
    'guarded.pt',
    'embedding.pt',
    'perceptron.pt',
    // What they do shows when they run.
    'mingled.pt',
    'transfers.pt',
    'dtypes.pt',
  ]) {
    test(`nothing speaks against ${file}`, async () => {
      assert.equal(await problemOf(file), undefined);
    });
  }

  test('what is not frozen keeps branches that depend on no input', async () => {
    assert.notEqual(await problemOf('convolution.pt', { freeze: false }), undefined);
  });

  for (const [file, problem] of [
    ['stamps.pt', /^it writes to its inputs$/],
    ['overwrites.pt', /^it asks the device for values: aten::Bool$/],
    ['counts.pt', /^it changes what it remembers$/],
    ['remembers.pt', /^it changes what it remembers$/],
    ['stirred.pt', /^it draws random numbers: aten::rand_like$/],
    ['sized.pt', /^the shape of what it computes depends on values: aten::masked_select$/],
    ['guided.pt', /^it asks the device for values: aten::Bool$/],
    ['slow.pt', /^it asks the device for values: aten::item$/],
    ['options.pt', /^it has loops or branches, or asks for values$/],
    ['spots.pt', /^an input is no tensor with one entry for each row$/],
  ] as const) {
    test(`${file}: ${problem.source.slice(1, -1)}`, async () => {
      assert.match((await problemOf(file)) ?? '', problem);
    });
  }

  test('joined rows are no tensor with one entry for each row', async () => {
    const problem = await problemOf('text_bag.pt', { inputForms: ['joined', 'offsets'] });
    assert.equal(problem, 'an input is no tensor with one entry for each row');
  });

  test('wishes for graphs are without effect on the CPU', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), {
      devices: ['cpu'],
      graphs: true,
      graphMemory: 2 ** 30,
    });
    const microseconds = await model.warmUp([3], [1, 4]);
    assert.equal(microseconds.length, 2);
    const slab = model.addSlab([{ dtype: 'float32', dims: [3] }], 2, 256);
    slab.put([1, 2, 3]);
    const { errors, rows } = await model.run(slab);
    assert.deepEqual([errors, rows], [undefined, 1]);
  });
});

test('tf32 is refused on the CPU', async () => {
  await assert.rejects(
    OpenModel.load(fixture('linear.pt'), { devices: ['cpu'], precision: 'tf32' }),
    { code: 'MODEL_LOAD_FAILED', message: /tf32 is for GPUs only/ },
  );
});

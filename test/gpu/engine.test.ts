import assert from 'node:assert/strict';
import { afterEach, suite } from 'node:test';
import type { NativeModelOptions } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { closeOpenModels, fixture, OpenModel } from '../native/open-model.js';
import { assertClose } from '../support/expected.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';
import { answer, fill, outputsOf } from './batches.js';

afterEach(closeOpenModels);

/** Small, for compute-sanitizer runs this file. */
const mostRows = 5;

const four: TensorSpec[] = [{ dtype: 'float32', dims: [4] }];

interface Sample {
  file: string;
  inputs: TensorSpec[];
  options?: Partial<NativeModelOptions>;
  /** Convolutions are computed in TensorFloat-32, as PyTorch does by default. */
  tolerance?: number;
}

const samples: Sample[] = [
  { file: 'linear.pt', inputs: [{ dtype: 'float32', dims: [3] }] },
  { file: 'linear.pt', inputs: [{ dtype: 'float32', dims: [3] }], options: { freeze: false } },
  { file: 'double.pt', inputs: [{ dtype: 'float64', dims: [2, 3] }] },
  { file: 'double.pt', inputs: [{ dtype: 'int64', dims: [] }] },
  // The output is the input.
  { file: 'dtypes.pt', inputs: [{ dtype: 'uint8', dims: [5] }] },
  // Two inputs, two outputs of different dtypes.
  {
    file: 'pair.pt',
    inputs: [
      { dtype: 'int64', dims: [4] },
      { dtype: 'float32', dims: [4] },
    ],
  },
  { file: 'dictionary.pt', inputs: [{ dtype: 'float32', dims: [3] }] },
  { file: 'nested.pt', inputs: [{ dtype: 'float32', dims: [3] }] },
  { file: 'listed.pt', inputs: [{ dtype: 'float32', dims: [3] }] },
  { file: 'embedding.pt', inputs: [{ dtype: 'int64', dims: [6] }] },
  { file: 'overwrites.pt', inputs: four },
  {
    file: 'text_bag.pt',
    inputs: [{ dtype: 'int64', dims: [3] }],
    options: { inputForms: ['joined', 'offsets'] },
  },
  // Dicts for each row, whose lengths are made on the CPU.
  { file: 'detector.pt', inputs: [{ dtype: 'float32', dims: [1, 1, 5] }] },
  { file: 'convolution.pt', inputs: [{ dtype: 'float32', dims: [3, 8, 8] }], tolerance: 2e-3 },
  {
    file: 'convolution.pt',
    inputs: [{ dtype: 'float32', dims: [3, 8, 8] }],
    options: { channelsLast: true, optimize: true },
    tolerance: 2e-3,
  },
  // Rows without elements.
  { file: 'double.pt', inputs: [{ dtype: 'float32', dims: [0] }] },
];

suite('a batch on a GPU', () => {
  for (const { file, inputs, options, tolerance = 1e-5 } of samples) {
    const dims = inputs.map(({ dtype, dims }) => `${dtype}[${dims}]`).join(' and ');
    gpuTest(`${file} with ${dims} answers as on the CPU, ${JSON.stringify(options)}`, async () => {
      const onCpu = await OpenModel.load(fixture(file), { ...options, devices: ['cpu'] });
      const onGpu = await OpenModel.load(fixture(file), { ...options, devices: [gpuDevice] });
      for (let rows = 1; rows <= mostRows; rows += 1) {
        const wanted = await answer(onCpu, inputs, rows);
        assertClose(await answer(onGpu, inputs, rows), wanted, tolerance);
      }
    });
  }

  for (const [precision, tolerance] of [
    ['tf32', 5e-3],
    ['bfloat16', 5e-2],
    ['float16', 1e-2],
  ] as const) {
    gpuTest(`in ${precision} it is close to float32`, async () => {
      const onCpu = await OpenModel.load(fixture('perceptron.pt'), { devices: ['cpu'] });
      const devices = [gpuDevice];
      const reduced = await OpenModel.load(fixture('perceptron.pt'), { devices, precision });
      assertClose(await answer(reduced, four, 5), await answer(onCpu, four, 5), tolerance);
    });
  }

  gpuTest('models with TensorFloat-32 and without run beside each other', async () => {
    const devices = [gpuDevice];
    const exact = await OpenModel.load(fixture('perceptron.pt'), { devices });
    const reduced = await OpenModel.load(fixture('perceptron.pt'), { devices, precision: 'tf32' });
    // TorchScript profiles the first run and optimises the second: other kernels may round otherwise.
    for (let i = 0; i < 3; i += 1) {
      await answer(exact, four, 5);
      await answer(reduced, four, 5);
    }
    const wanted = [await answer(exact, four, 5), await answer(reduced, four, 5)];
    for (let turn = 0; turn < 20; turn += 1) {
      const both = await Promise.all([answer(exact, four, 5), answer(reduced, four, 5)]);
      assert.deepEqual(both, wanted);
    }
  });

  gpuTest('outputs that outgrow the slab come in memory of their own', async () => {
    const model = await OpenModel.load(fixture('pair.pt'), { devices: [gpuDevice] });
    const inputs: TensorSpec[] = [
      { dtype: 'int64', dims: [4] },
      { dtype: 'float32', dims: [4] },
    ];
    const inside = await answer(model, inputs, 3);
    assert.deepEqual(await answer(model, inputs, 3, { outputBytes: 0 }), inside);
  });

  gpuTest('a cancelled row is left out', async () => {
    const model = await OpenModel.load(fixture('double.pt'), { devices: [gpuDevice] });
    const slab = model.addSlab(four, 3, 1024);
    slab.put([1, 2, 3, 4]);
    slab.discard(slab.reserve(1), 1);
    slab.put([5, 6, 7, 8]);
    const event = await model.run(slab);
    assert.deepEqual([...slab.output(event, 4)], [3, 5, 7, 9, 11, 13, 15, 17]);
  });

  gpuTest('many under way at once keep to themselves', async () => {
    const onCpu = await OpenModel.load(fixture('perceptron.pt'), { devices: ['cpu'] });
    const onGpu = await OpenModel.load(fixture('perceptron.pt'), { devices: [gpuDevice] });
    const slabs = Array.from({ length: 40 }, (_, seed) => {
      const rows = (seed % mostRows) + 1;
      const slab = onGpu.addSlab(four, rows, 4096);
      fill(slab, four, rows, seed);
      return { slab, rows, seed };
    });
    const events = await Promise.all(slabs.map(({ slab }) => onGpu.run(slab)));
    for (const [i, { slab, rows, seed }] of slabs.entries()) {
      const event = events[i];
      assert.ok(event);
      assert.equal(event.errors, undefined);
      assertClose(outputsOf(onGpu, slab, event), await answer(onCpu, four, rows, { seed }), 1e-5);
    }
  });

  gpuTest('one that fails tells why, and those after it are answered', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { devices: [gpuDevice] });
    const wrong = model.addSlab([{ dtype: 'float32', dims: [7] }], 1, 256);
    fill(wrong, [{ dtype: 'float32', dims: [7] }], 1);
    const { errors } = await model.run(wrong);
    assert.equal(errors?.[0]?.code, 'MODEL_FAILED');
    assert.match(errors?.[0]?.message ?? '', /mat1 and mat2/);
    await answer(model, [{ dtype: 'float32', dims: [3] }], 2);
  });

  gpuTest('is counted', async () => {
    const of = () =>
      addon()
        .deviceStatistics()
        .find(({ device }) => device === gpuDevice);
    const model = await OpenModel.load(fixture('linear.pt'), { devices: [gpuDevice] });
    const before = of();
    assert.ok(before);
    const three: TensorSpec[] = [{ dtype: 'float32', dims: [3] }];
    for (let i = 0; i < 10; i += 1) await answer(model, three, 4);
    const after = of();
    assert.ok(after);
    assert.equal(after.batches - before.batches, 10);
    assert.equal(after.graphBatches, before.graphBatches);
    const spent = (key: 'busySeconds' | 'copyInSeconds' | 'computeSeconds' | 'copyOutSeconds') =>
      after[key] - before[key];
    assert.ok(spent('copyInSeconds') > 0 && spent('copyOutSeconds') > 0);
    assert.ok(spent('computeSeconds') > 0);
    assert.ok(spent('busySeconds') > 0 && spent('busySeconds') <= spent('computeSeconds') + 1e-6);
    assert.ok(after.reservedBytes >= after.allocatedBytes && after.allocatedBytes > 0);
  });
});

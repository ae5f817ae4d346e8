import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, suite } from 'node:test';
import type { GraphCapture, NativeModelOptions } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { dtypeCode } from '../../src/native/dtype.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { closeOpenModels, fixture, OpenModel } from '../native/open-model.js';
import { assertClose } from '../support/expected.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';
import { answer } from './batches.js';

afterEach(closeOpenModels);

const sizes = [1, 2, 4, 8];
const four: TensorSpec[] = [{ dtype: 'float32', dims: [4] }];
const memory = 2 ** 30;

interface Captured {
  model: OpenModel;
  graphs: GraphCapture[];
}

async function captured(
  file: string,
  inputs: readonly TensorSpec[],
  options: Partial<NativeModelOptions> = {},
): Promise<Captured> {
  const model = await OpenModel.load(fixture(file), {
    devices: [gpuDevice],
    graphs: true,
    graphMemory: memory,
    ...options,
  });
  return { model, graphs: await capture(model, inputs) };
}

async function capture(model: OpenModel, inputs: readonly TensorSpec[]): Promise<GraphCapture[]> {
  const warmed = once(model, 'warmed');
  model.model.warmUp(
    inputs.map(({ dtype, dims }) => ({ dtype: dtypeCode(dtype), dims: [...dims] })),
    sizes,
  );
  const [{ error, graphs = [] }] = await warmed;
  assert.equal(error, undefined, JSON.stringify(error));
  return graphs;
}

function graphsOfDevice(): { batches: number; bytes: number } {
  const found = addon()
    .deviceStatistics()
    .find(({ device }) => device === gpuDevice);
  return { batches: found?.graphBatches ?? 0, bytes: found?.graphBytes ?? 0 };
}

const samples: [file: string, inputs: TensorSpec[], options?: Partial<NativeModelOptions>][] = [
  ['perceptron.pt', four],
  ['perceptron.pt', four, { freeze: false }],
  ['perceptron.pt', four, { precision: 'bfloat16' }],
  ['perceptron.pt', four, { precision: 'tf32' }],
  ['named.pt', [{ dtype: 'float32', dims: [3] }]],
  ['dictionary.pt', [{ dtype: 'float32', dims: [3] }]],
  ['nested.pt', [{ dtype: 'float32', dims: [3] }]],
  [
    'pair.pt',
    [
      { dtype: 'int64', dims: [4] },
      { dtype: 'float32', dims: [4] },
    ],
  ],
  ['convolution.pt', [{ dtype: 'float32', dims: [3, 8, 8] }]],
  ['convolution.pt', [{ dtype: 'float32', dims: [3, 8, 8] }], { channelsLast: true }],
];

suite('CUDA graphs', () => {
  for (const [file, inputs, options = {}] of samples) {
    gpuTest(
      `${file}: padded batches are answered as without, ${JSON.stringify(options)}`,
      async () => {
        const devices = [gpuDevice];
        const eager = await OpenModel.load(fixture(file), { ...options, devices });
        const { model, graphs } = await captured(file, inputs, options);
        assert.deepEqual(
          graphs.map(({ rows, problem }) => [rows, problem]),
          sizes.map((rows) => [rows, undefined]),
        );
        const before = graphsOfDevice().batches;
        // More rows than any graph has are computed without.
        for (let rows = 1; rows <= 9; rows += 1) {
          const wanted = await answer(eager, inputs, rows, { seed: rows });
          assertClose(await answer(model, inputs, rows, { seed: rows }), wanted, 1e-2);
        }
        assert.equal(graphsOfDevice().batches - before, 8);
      },
    );
  }

  gpuTest('batches of another shape than was captured are computed without', async () => {
    const { model } = await captured('double.pt', four);
    const other: TensorSpec[] = [{ dtype: 'float64', dims: [2, 3] }];
    const onCpu = await OpenModel.load(fixture('double.pt'), { devices: ['cpu'] });
    const before = graphsOfDevice().batches;
    assertClose(await answer(model, other, 3), await answer(onCpu, other, 3));
    assert.equal(graphsOfDevice().batches, before);
    assertClose(await answer(model, four, 3), await answer(onCpu, four, 3));
    assert.equal(graphsOfDevice().batches, before + 1);
  });

  gpuTest('their memory is counted, and given back with the model', async () => {
    const before = graphsOfDevice().bytes;
    const { model, graphs } = await captured('perceptron.pt', four);
    const bytes = graphs.reduce((sum, graph) => sum + graph.bytes, 0);
    assert.ok(bytes > 0);
    assert.equal(graphsOfDevice().bytes, before + bytes);
    await model.close();
    assert.equal(graphsOfDevice().bytes, before);
  });

  gpuTest('none takes more memory than it may', async () => {
    const { model, graphs } = await captured('perceptron.pt', four, { graphMemory: 1 });
    for (const { problem } of graphs) assert.match(problem ?? '', /^it takes .* of device memory/);
    await answer(model, four, 3);
  });

  for (const [file, problem] of [
    ['counts.pt', /it changes what it remembers/],
    ['stirred.pt', /it draws random numbers/],
    ['sized.pt', /depends on values/],
    ['dtypes.pt', /output 0 is part of an input/],
    ['mingled.pt', /its outputs differ/],
    ['transfers.pt', /capturing|capture/],
  ] as const) {
    gpuTest(`${file} has none and says why; it and others run on`, async () => {
      const { model, graphs } = await captured(file, four);
      // Of one row alone there is nothing to be mingled with.
      const refused = file === 'mingled.pt' ? graphs.slice(1) : graphs;
      for (const graph of refused) assert.match(graph.problem ?? '', problem);
      const onCpu = await OpenModel.load(fixture(file), { devices: ['cpu'] });
      if (file !== 'counts.pt') {
        assertClose(await answer(model, four, 3), await answer(onCpu, four, 3), 1e-5);
      }
      // Numbers are drawn as before: a capture that failed has left no trace in their generator.
      const random = await OpenModel.load(fixture('stirred.pt'), { devices: [gpuDevice] });
      await answer(random, four, 3);
      const sound = await captured('perceptron.pt', four);
      assert.deepEqual(
        sound.graphs.filter((graph) => graph.problem !== undefined),
        [],
      );
      await answer(sound.model, four, 3);
    });
  }

  gpuTest('a model that draws random numbers runs on while others capture', async () => {
    const random = await OpenModel.load(fixture('stirred.pt'), { devices: [gpuDevice] });
    const onCpu = await OpenModel.load(fixture('stirred.pt'), { devices: ['cpu'] });
    const wanted = await answer(onCpu, four, 3);
    let capturing = true;
    const captures = Promise.all(
      [1, 2, 3].map((instances) => captured('perceptron.pt', four, { instances })),
    ).finally(() => {
      capturing = false;
    });
    do assertClose(await answer(random, four, 3), wanted, 1e-5);
    while (capturing);
    for (const { graphs } of await captures) {
      assert.ok(graphs.every(({ problem }) => problem === undefined));
    }
  });

  gpuTest('several instances and models capture at the same time', async () => {
    const onCpu = await OpenModel.load(fixture('perceptron.pt'), { devices: ['cpu'] });
    const wanted = await answer(onCpu, four, 3);
    const opened = await Promise.all(
      [1, 2, 3].map((instances) => captured('perceptron.pt', four, { instances })),
    );
    for (const { model, graphs } of opened) {
      assert.ok(graphs.every(({ problem }) => problem === undefined));
      for (let i = 0; i < 6; i += 1) assertClose(await answer(model, four, 3), wanted, 1e-5);
    }
  });
});

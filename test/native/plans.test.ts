import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { resetHeader } from '../../src/batching/slab-protocol.js';
import type { NativeModelOptions } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { dtypeCode } from '../../src/native/dtype.js';
import { alphaModel, closeOpenModels, fixture, OpenModel } from './open-model.js';

afterEach(closeOpenModels);

type Plan = Pick<NativeModelOptions, 'freeze' | 'optimize' | 'channelsLast' | 'precision'>;

const plans: Record<string, Plan> = {
  frozen: { freeze: true },
  optimised: { freeze: true, optimize: true },
  'channels-last': { freeze: false, channelsLast: true },
  'channels-last, frozen': { freeze: true, channelsLast: true },
  'channels-last, optimised': { freeze: true, optimize: true, channelsLast: true },
};

const image = [{ dtype: 'float32' as const, dims: [3, 8, 8] }];
const rows = 5;

/** What convolution.pt answers for some images. */
async function scores(plan: Plan): Promise<number[]> {
  const model = await OpenModel.load(fixture('convolution.pt'), { ...plan, instances: 2 });
  const slab = model.addSlab(image, rows, 1024);
  for (let row = 0; row < rows; row += 1) {
    slab.put(Array.from({ length: 192 }, (_, i) => Math.sin(row * 192 + i)));
  }
  const event = await model.run(slab);
  assert.deepEqual([event.errors, event.rows], [undefined, rows]);
  assert.deepEqual(model.model.signature(event.signature).outputs, [
    { dtype: dtypeCode('float32'), dims: [5] },
  ]);
  const values = [...slab.output(event, 5)];
  await model.close();
  return values;
}

function largestDifference(left: number[], right: number[]): number {
  assert.equal(left.length, right.length);
  return Math.max(...left.map((value, i) => Math.abs(value - (right[i] ?? Number.NaN))));
}

const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

describe('ways of preparing a module', () => {
  for (const [name, plan] of Object.entries(plans)) {
    test(`${name}: answers are those of the plain module`, async () => {
      const difference = largestDifference(await scores({ freeze: false }), await scores(plan));
      assert.ok(difference < 1e-5, `differs by ${difference}`);
    });
  }

  for (const [name, plan] of Object.entries(plans)) {
    test(`bfloat16, ${name}: answers are close, float32 in and out`, async () => {
      const reduced = await scores({ ...plan, precision: 'bfloat16' });
      const difference = largestDifference(await scores({ freeze: false }), reduced);
      assert.ok(difference > 0 && difference < 0.05, `differs by ${difference}`);
    });
  }

  test('the description tells what was done', async () => {
    const described = async (file: string, plan: Plan): Promise<boolean[]> => {
      const { description } = await OpenModel.load(fixture(file), plan);
      assert.ok(description);
      return [description.frozen, description.optimized, description.channelsLast];
    };
    const whole = { freeze: true, optimize: true, channelsLast: true };
    assert.deepEqual(await described('convolution.pt', { freeze: true }), [true, false, false]);
    assert.deepEqual(await described('convolution.pt', whole), [true, true, true]);
    assert.deepEqual(await described('perceptron.pt', whole), [true, true, false], 'no images');
    assert.deepEqual(await described('double.pt', whole), [true, false, false], 'nothing to do');
    const unfrozen = { ...whole, freeze: false };
    assert.deepEqual(await described('convolution.pt', unfrozen), [false, false, true]);
  });

  for (const [name, plan] of Object.entries(plans)) {
    test(`${name}: instances share one copy of the weights`, async () => {
      const model = await OpenModel.load(alphaModel, { ...plan, instances: 3 });
      const pointers = model.model.parameterPointers();
      assert.equal(pointers.length, 3);
      assert.ok((pointers[0]?.length ?? 0) >= 6, 'three layers with a weight and a bias each');
      for (const own of pointers) assert.deepEqual(own, pointers[0]);
      await model.scale(4);
      assert.deepEqual(model.model.parameterPointers()[3], pointers[0]);
    });
  }

  test('explanations are those of the file, however it is run', async () => {
    const pixels = Float32Array.from({ length: 192 }, (_, i) => Math.sin(i));
    const explained = async (plan: Plan): Promise<Float32Array> => {
      const model = await OpenModel.load(fixture('convolution.pt'), plan);
      const event = await model.explain({
        inputs: [{ dtype: 0, dims: [3, 8, 8], bytes: new Uint8Array(pixels.buffer) }],
        input: 0,
        output: 0,
        target: 2,
        steps: 10,
      });
      assert.equal(event.error, undefined);
      return event.attributions;
    };
    const whole = { freeze: true, optimize: true, channelsLast: true };
    assert.deepEqual(await explained(whole), await explained({ freeze: false }));
  });

  test('what a model remembers each instance has for itself, optimised too', async () => {
    const model = await OpenModel.load(fixture('counts.pt'), { freeze: true, optimize: true });
    await model.scale(2);
    const pointers = model.model.parameterPointers();
    assert.equal(pointers.length, 2);
    assert.notDeepEqual(pointers[0], pointers[1]);
  });

  test('the CPU says whether it computes in bfloat16; other names are no devices', () => {
    assert.equal(typeof addon().bfloat16Supported('cpu'), 'boolean');
    for (const name of ['', 'tpu', 'cuda:77', 'cpu:0:0']) {
      assert.equal(addon().bfloat16Supported(name), false);
    }
  });
});

describe('models that go one way only', () => {
  const expected: [string, boolean][] = [
    ['linear.pt', true],
    ['named.pt', true],
    ['pair.pt', true],
    ['dictionary.pt', true],
    ['convolution.pt', true],
    ['guarded.pt', true],
    ['guided.pt', false],
    ['slow.pt', false],
    ['endless.pt', false],
    ['prints.pt', false],
    ['hungry.pt', false],
    ['suppressed.pt', false],
  ];
  for (const [file, straightLine] of expected) {
    test(`${file} is ${straightLine ? 'one' : 'not'}`, async () => {
      const { description } = await OpenModel.load(fixture(file));
      assert.equal(description?.straightLine, straightLine);
    });
  }

  test('freezing removes branches that depend on no input', async () => {
    const plain = await OpenModel.load(fixture('options.pt'), { freeze: false });
    assert.equal(plain.description?.straightLine, false);
  });
});

describe('warm-up', () => {
  test('times a batch of each number of rows, in their order', async () => {
    const model = await OpenModel.load(alphaModel, { instances: 2 });
    const microseconds = await model.warmUp([64], [1, 512, 2]);
    assert.equal(microseconds.length, 3);
    const [one = 0, many = 0, two = 0] = microseconds;
    assert.ok(one > 0 && many > 3 * one && many > 3 * two, `took ${microseconds}`);
    assert.deepEqual(await model.warmUp([64], []), []);
  });

  test('repeats batches of a model that writes to its input with the same zeros', async () => {
    const model = await OpenModel.load(fixture('overwrites.pt'));
    // Its elements may not grow beyond 1000, and each batch adds one.
    const microseconds = await model.warmUp(
      [4],
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    assert.equal(microseconds.length, 40);
  });

  for (const [name, path, dims] of [
    ['a perceptron', alphaModel, [64]],
    ['a convolutional network', fixture('convolution.pt'), [3, 8, 8]],
  ] as const) {
    for (const plan of [{ freeze: true }, { freeze: true, optimize: true }]) {
      test(`the first batch of any size is as fast as later ones: ${name}, ${plan.optimize ? 'optimised' : 'frozen'}`, async () => {
        const model = await OpenModel.load(path, plan);
        await model.warmUp([...dims], [1, 2, 4, 8, 16, 32]);
        const slab = model.addSlab([{ dtype: 'float32', dims: [...dims] }], 32, 8192);
        const run = async (size: number): Promise<number> => {
          resetHeader(slab.words, 32);
          slab.commit(slab.reserve(size), size);
          const event = await model.run(slab);
          assert.equal(event.rows, size);
          return event.computeMicroseconds;
        };
        const ratios: number[] = [];
        for (let size = 1; size <= 32; size += 1) {
          const first = await run(size);
          const later = [await run(size), await run(size), await run(size), await run(size)];
          ratios.push(first / median(later));
        }
        // A graph that is profiled or optimised again, or a kernel that is made, costs tenfold.
        const ratio = median(ratios);
        assert.ok(ratio < 3, `first batches take ${ratio} of later ones`);
      });
    }
  }
});

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { alphaModel, closeOpenModels, fixture, OpenModel } from './open-model.js';

afterEach(closeOpenModels);

const vector = [{ dtype: 'float32' as const, dims: [64] }];
const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];

/** The CPU as often as there shall be devices: each has the weights for itself. */
const cpus = (count: number): string[] => Array.from({ length: count }, () => 'cpu');

/** Which copy of the weights each instance has, in the order in which they first appear. */
function copies(model: OpenModel): number[] {
  const known: string[] = [];
  return model.model.parameterPointers().map((pointers) => {
    const copy = pointers.join();
    if (!known.includes(copy)) known.push(copy);
    return known.indexOf(copy);
  });
}

/** Instances on each device that has some, the fewest first. */
function shares(model: OpenModel): number[] {
  const own = copies(model);
  return [...new Set(own)]
    .map((copy) => own.filter((each) => each === copy).length)
    .sort((a, b) => a - b);
}

describe('the instances of a model on several devices', () => {
  test('are dealt out in turn, and share the weights of their device', async () => {
    const model = await OpenModel.load(alphaModel, { devices: cpus(2), instances: 5 });
    assert.deepEqual(copies(model), [0, 1, 0, 1, 0]);
  });

  test('are on as many devices as they can be', async () => {
    const model = await OpenModel.load(alphaModel, { devices: cpus(3), instances: 2 });
    assert.deepEqual(copies(model), [0, 1]);
  });

  test('answer as one device does', async () => {
    const inputs = Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const answers = new Set<string>();
    const model = await OpenModel.load(alphaModel, { devices: cpus(4), instances: 4 });
    const slabs = Array.from({ length: 40 }, () => model.addSlab(vector, 1, 64));
    await Promise.all(
      slabs.map(async (slab) => {
        slab.put(inputs);
        answers.add(slab.output(await model.run(slab), 1).join());
      }),
    );
    assert.equal(answers.size, 1);
  });

  test('stay evenly dealt however they are scaled', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { devices: cpus(3) });
    const wishes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(wishes, async (counts) => {
        const events = await Promise.all(counts.map((count) => model.scale(count)));
        const wanted = counts.at(-1) ?? 0;
        assert.equal(events.at(-1)?.instances, wanted);
        const all = shares(model);
        assert.equal(all.length, Math.min(3, wanted));
        assert.ok((all.at(-1) ?? 0) - (all[0] ?? 0) <= 1, `${all}`);
      }),
      { numRuns: 30 },
    );
  });

  test('come back to a device that had none', async () => {
    const model = await OpenModel.load(fixture('linear.pt'), { devices: cpus(2), instances: 2 });
    await model.warmUp([3], [1, 2]);
    await model.scale(1);
    assert.deepEqual(copies(model), [0]);
    await model.scale(2);
    assert.deepEqual(copies(model), [0, 1]);
    const slab = model.addSlab(threeFloats, 1, 64);
    slab.put([1, 2, 3]);
    assert.equal((await model.run(slab)).errors, undefined);
  });
});

describe('devices that cannot be', () => {
  for (const [name, devices] of [
    ['none', []],
    ['the CPU and a GPU', ['cpu', 'cuda:0']],
    ['a number', [1]],
    ['no list', 'cpu'],
  ] as const) {
    test(`${name}: are refused`, () => {
      assert.throws(() => Reflect.construct(OpenModel, [alphaModel, { devices }]), {
        code: 'INTERNAL',
      });
    });
  }

  test('a GPU that is not there is refused by name', async () => {
    const devices = ['cuda:98', 'cuda:99'];
    await assert.rejects(OpenModel.load(alphaModel, { devices, instances: 2 }), {
      code: 'MODEL_LOAD_FAILED',
      message: /cuda:98/,
    });
  });
});

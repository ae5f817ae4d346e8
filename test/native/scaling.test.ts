import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { resetHeader } from '../../src/batching/slab-protocol.js';
import type { BatchEvent } from '../../src/native/addon.js';
import { testDevice } from '../support/gpu.js';
import { alphaModel, closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

afterEach(closeOpenModels);

const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];
const linux = existsSync('/proc/self/task');

/** Threads of instances, with those that LibTorch started from them. */
function instanceThreads(): number {
  const name = (id: string): string => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim();
    } catch {
      return 'gone';
    }
  };
  return readdirSync('/proc/self/task').filter((id) => name(id) === 'sconce instance').length;
}

/** Batches of one row without a pause, each with a number of its own, until it is stopped. */
class Load {
  answered = 0;
  #stopped = false;
  readonly #loops: Promise<void>[];

  /** `work`: the first value of a row, which slow.pt takes as the length of its computation. */
  constructor(
    private readonly model: OpenModel,
    private readonly work: number,
    slabs: number,
  ) {
    this.#loops = Array.from({ length: slabs }, (_, i) =>
      this.#loop(model.addSlab(threeFloats, 1, 1024), i * 1_000_000),
    );
  }

  async #loop(slab: TestSlab, first: number): Promise<void> {
    for (let round = 0; !this.#stopped; round += 1) {
      resetHeader(slab.words, 1);
      slab.put([this.work, first + round, 3]);
      const event = await this.model.run(slab);
      assert.equal(event.errors, undefined);
      assert.deepEqual([...slab.output(event, 3)], [this.work, first + round, 3]);
      this.answered += 1;
    }
  }

  /** Resolves when `count` more batches are answered. */
  async progress(count: number): Promise<void> {
    const goal = this.answered + count;
    while (this.answered < goal) await once(this.model, 'batch');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }
}

/** Counts the events of each slab, so that a batch that is answered twice is seen. */
function countBatches(model: OpenModel): { events: BatchEvent[] } {
  const events: BatchEvent[] = [];
  model.on('batch', (event) => events.push(event));
  return { events };
}

function assertSharedParameters(model: OpenModel, instances: number): void {
  const pointers = model.model.parameterPointers();
  assert.equal(pointers.length, instances);
  for (const own of pointers) assert.deepEqual(own, pointers[0]);
}

describe('scaling', () => {
  for (const freeze of [true, false]) {
    test(`a ${freeze ? 'frozen' : 'plain'} model grows and shrinks under load: every batch is answered once`, async () => {
      const model = await OpenModel.load(fixture('slow.pt'), { freeze });
      const counted = countBatches(model);
      const load = new Load(model, 20, 8);
      await load.progress(20);
      const grown = await model.scale(4);
      assert.equal(grown.instances, 4);
      assert.equal(grown.loadMilliseconds.length, 3);
      assert.equal(grown.error, undefined);
      assertSharedParameters(model, 4);
      if (linux) assert.equal(instanceThreads(), 4);
      await load.progress(100);
      const shrunk = await model.scale(1);
      assert.deepEqual([shrunk.instances, shrunk.loadMilliseconds], [1, []]);
      assertSharedParameters(model, 1);
      if (linux) assert.equal(instanceThreads(), 1);
      await load.progress(20);
      await load.stop();
      assert.equal(counted.events.length, load.answered);
      await model.close();
      if (linux) assert.equal(instanceThreads(), 0);
    });
  }

  test('any order of scaling, warming up and running loses nothing', async () => {
    const model = await OpenModel.load(fixture('slow.pt'));
    const counted = countBatches(model);
    const load = new Load(model, 5, 12);
    const step = fc.record({
      wishes: fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 2 })), {
        minLength: 1,
        maxLength: 4,
      }),
      warmUp: fc.boolean(),
      batches: fc.integer({ min: 0, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        for (const { wishes, warmUp, batches } of steps) {
          const scaled = wishes.map((wish) => model.scale(...wish));
          const warmed = warmUp ? model.warmUp([3], [1, 2]) : undefined;
          await load.progress(batches);
          await warmed;
          const last = (await Promise.all(scaled)).at(-1);
          assert.equal(last?.instances, wishes.at(-1)?.[0]);
          assert.equal(last?.error, undefined);
          assertSharedParameters(model, last?.instances ?? 0);
        }
      }),
      { numRuns: 40 },
    );
    await load.stop();
    assert.equal(counted.events.length, load.answered);
    await model.close();
  });

  test('of several wishes the last one counts, and each gets its event', async () => {
    const model = await OpenModel.load(fixture('double.pt'), { instances: 6 });
    const events = await Promise.all([3, 5, 1, 2].map((instances) => model.scale(instances)));
    assert.equal(events.length, 4);
    assert.equal(events.at(-1)?.instances, 2);
    assertSharedParameters(model, 2);
  });

  test('a wish that is made while the model loads is answered after loaded', async () => {
    const model = new OpenModel(fixture('linear.pt'), { instances: 2 });
    const scaled = model.scale(3);
    await model.loaded;
    assert.equal(model.loadMilliseconds.length, 3);
    assert.deepEqual(await scaled, {
      kind: 'scaled',
      model: model.model.id,
      instances: 3,
      loadMilliseconds: [],
    });
    assertSharedParameters(model, 3);
  });

  test('what is rung before a model shrinks is run by those that stay', async () => {
    const model = await OpenModel.load(fixture('slow.pt'), { instances: 4 });
    const slabs = Array.from({ length: 20 }, () => model.addSlab(threeFloats, 1, 1024));
    const batches = slabs.map((slab, i) => {
      slab.put([200, i, 0]);
      return model.run(slab);
    });
    const scaled = await model.scale(1);
    assert.equal(scaled.instances, 1);
    for (const [i, batch] of batches.entries()) {
      const output = slabs[i]?.output(await batch, 3);
      assert.equal(output?.[1], i);
    }
  });

  test('closing ends a scaling that is under way, and every thread', async () => {
    const model = await OpenModel.load(fixture('linear.pt'));
    model.model.scale(16, 1);
    await model.close();
    if (linux) assert.equal(instanceThreads(), 0);
    assert.throws(() => model.model.scale(1, 1), { code: 'MODEL_CLOSED' });
    assert.deepEqual(model.model.parameterPointers(), []);
  });

  test('a model that could not be loaded is not scaled', async () => {
    const model = new OpenModel(fixture('broken/truncated.pt'));
    const closed = once(model, 'closed');
    model.model.scale(4, 1);
    await assert.rejects(model.loaded, { code: 'MODEL_LOAD_FAILED' });
    await closed;
    assert.throws(() => model.model.scale(1, 1), { code: 'MODEL_CLOSED' });
  });

  test('numbers that make no sense are refused', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    for (const [instances, threads] of [
      [0, 1],
      [1025, 1],
      [1.5, 1],
      [Number.NaN, 1],
      [1, 0],
      [1, 1025],
    ] as const) {
      assert.throws(() => model.model.scale(instances, threads), { code: 'INTERNAL' });
    }
    assert.equal((await model.scale(1)).instances, 1);
  });
});

describe('intra-op threads', { skip: !linux || testDevice !== 'cpu' }, () => {
  const rows = [256];

  test('an instance uses as many as its own model was given, whatever others were given later', async () => {
    const model = await OpenModel.load(alphaModel, { intraOpThreads: 2 });
    await OpenModel.load(alphaModel, { intraOpThreads: 1 });
    await model.warmUp([64], rows);
    assert.equal(instanceThreads(), 3, 'two of the first model, one of the second');
  });

  test('scaling changes them for the next batch', async () => {
    const model = await OpenModel.load(alphaModel);
    await model.warmUp([64], rows);
    assert.equal(instanceThreads(), 1);
    await model.scale(1, 2);
    await model.warmUp([64], rows);
    assert.equal(instanceThreads(), 2);
  });

  test('a new instance has run the last warm-up before it is reported', async () => {
    const model = await OpenModel.load(alphaModel, { intraOpThreads: 2 });
    await model.warmUp([64], rows);
    await model.scale(3, 2);
    assert.equal(
      instanceThreads(),
      6,
      'two for each: only a batch makes LibTorch start the second',
    );
    await model.scale(1, 2);
    assert.equal(instanceThreads(), 2);
  });
});

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { afterEach, describe, test } from 'node:test';
import type { BatchEvent } from '../../src/native/addon.js';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

const cores = availableParallelism();

/** slow.pt takes a few milliseconds for so many products. */
const work = 2000;

/** One slab after the other on each instance, until it is told to stop. */
class Flood {
  readonly batches: BatchEvent[] = [];
  #stopped = false;
  readonly #ended: Promise<void>[];

  constructor(
    private readonly model: OpenModel,
    instances: number,
    private readonly onBatch: () => void = () => {},
  ) {
    // One more than there are instances, so that each always finds one that waits.
    this.#ended = Array.from({ length: instances + 1 }, () => this.#run());
  }

  get microseconds(): number {
    return this.batches.reduce((sum, { computeMicroseconds }) => sum + computeMicroseconds, 0);
  }

  get longest(): number {
    return Math.max(...this.batches.map(({ computeMicroseconds }) => computeMicroseconds));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#ended);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const slab = this.model.addSlab([{ dtype: 'float32', dims: [2] }], 1, 64);
      slab.put([work, 1]);
      const event = await this.model.run(slab);
      assert.equal(event.rows, 1);
      this.batches.push(event);
      this.model.model.removeSlab(slab.id);
      this.onBatch();
    }
  }
}

describe('execution threads of several models', () => {
  afterEach(closeOpenModels);

  test('share the cores by the weights of their models', async () => {
    const light = await OpenModel.load(fixture('slow.pt'), { instances: cores });
    const heavy = await OpenModel.load(fixture('slow.pt'), { instances: cores, weight: 3 });
    const enough = new Promise<void>((resolve) => {
      const a = new Flood(light, cores);
      const b = new Flood(heavy, cores, () => {
        if (b.batches.length === 60 * cores) {
          const allowed = 2 * cores * (a.longest + b.longest);
          const difference = Math.abs(a.microseconds - b.microseconds / 3);
          assert.ok(difference <= allowed, `${a.microseconds} beside ${b.microseconds} µs`);
          resolve(Promise.all([a.stop(), b.stop()]).then(() => {}));
        }
      });
    });
    await enough;
  });

  test('a model that floods them lets another one through within a few batches', async () => {
    const flooding = await OpenModel.load(fixture('slow.pt'), { instances: cores });
    const other = await OpenModel.load(fixture('slow.pt'));
    const flood = new Flood(flooding, cores);
    const slab = other.addSlab([{ dtype: 'float32', dims: [2] }], 1, 64);
    for (let i = 0; i < 10; i += 1) {
      const before = flood.batches.length;
      slab.words.fill(0);
      slab.put([work, 1]);
      const event = await other.run(slab);
      assert.equal(event.rows, 1);
      const passed = flood.batches.length - before;
      assert.ok(passed <= 4 * cores, `${passed} batches went before it`);
    }
    await flood.stop();
  });

  test('a model can be closed and scaled while it waits for cores', async () => {
    const flooding = await OpenModel.load(fixture('slow.pt'), { instances: cores, weight: 1000 });
    const flood = new Flood(flooding, cores);
    const waiting = await OpenModel.load(fixture('slow.pt'), { weight: 0.001 });
    const slabs = Array.from({ length: 5 }, () =>
      waiting.addSlab([{ dtype: 'float32', dims: [2] }], 1, 64),
    );
    const answers = slabs.map((slab) => {
      slab.put([work, 1]);
      return waiting.run(slab);
    });
    assert.equal((await waiting.scale(2)).instances, 2);
    assert.equal((await waiting.scale(1)).instances, 1);
    await waiting.close();
    for (const { rows, errors = [] } of await Promise.all(answers)) {
      assert.ok(rows === 1 || errors[0]?.code === 'MODEL_CLOSED');
    }
    await flood.stop();
  });

  test('a weight that is none is refused', () => {
    for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => new OpenModel(fixture('slow.pt'), { weight }), { code: 'INTERNAL' });
    }
  });
});

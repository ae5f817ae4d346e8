import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { resetHeader } from '../../src/batching/slab-protocol.js';
import { Deferred } from '../../src/models/deferred.js';
import type {
  BatchEvent,
  DeviceFailedEvent,
  ExplainedEvent,
  NativeModelOptions,
  NativeTrial,
  TrialEvent,
} from '../../src/native/addon.js';
import { dtypeCode } from '../../src/native/dtype.js';
import { loadOperatorLibraries } from '../../src/native/operator-libraries.js';
import { openPlanSearch } from '../../src/native/runtime.js';
import { deviceFailure, failingOperators } from '../support/failing-device.js';
import { closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

afterEach(closeOpenModels);

const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];

/** Breaks the device that runs it. */
const poison = [0, -1, 0];

/** Keeps an instance busy for a while. */
const work = 2000;

/** Everything that a model told, in order. */
class Told {
  readonly batches: BatchEvent[] = [];
  readonly lost: DeviceFailedEvent[] = [];
  readonly order: string[] = [];
  readonly closed: Promise<unknown>;

  constructor(model: OpenModel) {
    model.on('batch', (event) => {
      this.batches.push(event);
      this.order.push(`batch ${event.errors?.[0]?.code ?? 'ok'}`);
    });
    model.on('deviceFailed', (event) => {
      this.lost.push(event);
      this.order.push('deviceFailed');
    });
    model.on('failed', (code) => this.order.push(`failed ${code}`));
    model.on('closed', () => this.order.push('closed'));
    this.closed = once(model, 'closed');
  }
}

/** The model that can break its device, on so many; undefined where the operator cannot be had. */
async function load(
  t: TestContext,
  devices: number,
  options: Partial<NativeModelOptions> = {},
): Promise<OpenModel | undefined> {
  const library = failingOperators(t);
  if (library === undefined) return undefined;
  loadOperatorLibraries([library], '/');
  return OpenModel.load(fixture('faulty.pt'), { devices: cpus(devices), ...options });
}

function cpus(count: number): string[] {
  return Array.from({ length: count }, () => 'cpu');
}

/** Rings a slab with these rows. A model that has ended refuses it instead: so ends the code. */
async function ask(
  model: OpenModel,
  slab: TestSlab,
  ...rows: number[][]
): Promise<string | undefined> {
  resetHeader(slab.words, slab.layout.capacity);
  for (const row of rows) slab.put(row);
  try {
    const { errors } = await model.run(slab);
    return errors?.[0]?.code;
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error);
    return String(error.code);
  }
}

/** Asks what the elements of a row add to the first output. */
function explain(model: OpenModel, row: readonly number[]): Promise<ExplainedEvent> {
  const bytes = new Uint8Array(Float32Array.from(row).buffer);
  const inputs = [{ dtype: dtypeCode('float32'), dims: [3], bytes }];
  return model.explain({ inputs, input: 0, output: 0, target: 0, steps: 4 });
}

describe('the only device of a model fails', () => {
  test('its rows fail, what waits fails, and the model ends', async (t) => {
    const model = await load(t, 1);
    if (model === undefined) return;
    const told = new Told(model);
    const slabs = Array.from({ length: 4 }, () => model.addSlab(threeFloats, 3, 64));
    const [first, ...others] = slabs;
    assert.ok(first);
    const codes = [
      ask(model, first, [1, 2, 3], poison, [4, 5, 6]),
      ...others.map((slab) => ask(model, slab, [0, 0, 0])),
    ];
    assert.deepEqual(await Promise.all(codes), Array(4).fill('DEVICE_FAILED'));
    await told.closed;
    assert.deepEqual([told.order.at(0), told.order.at(-1)], ['deviceFailed', 'closed']);
    assert.deepEqual(told.order.slice(1, -1).sort(), [
      ...Array(4).fill('batch DEVICE_FAILED'),
      'failed DEVICE_FAILED',
    ]);
    assert.deepEqual(told.lost, [
      {
        kind: 'deviceFailed',
        model: model.model.id,
        device: 'cpu',
        message: deviceFailure,
        remaining: 0,
      },
    ]);
    const messages = told.batches.flatMap(({ errors = [] }) => errors.map((each) => each.message));
    assert.deepEqual(new Set(messages), new Set([`cpu: ${deviceFailure}`]));
    // Three rows of the batch that broke it, one of each other.
    assert.equal(messages.length, 6);
    assert.throws(() => model.model.scale(1, 1), { code: 'MODEL_CLOSED' });
  });

  test('in a warm-up: the model ends', async (t) => {
    const library = failingOperators(t);
    if (library === undefined) return;
    loadOperatorLibraries([library], '/');
    const model = await OpenModel.load(fixture('faulty_zeros.pt'), { devices: ['cpu'] });
    const told = new Told(model);
    const slab = model.addSlab(threeFloats, 1, 64);
    model.model.warmUp([{ dtype: dtypeCode('float32'), dims: [3] }], [1, 2]);
    await told.closed;
    assert.deepEqual(told.order, ['deviceFailed', 'failed DEVICE_FAILED', 'closed']);
    assert.equal(await ask(model, slab, [1, 1, 1]), 'DEVICE_FAILED');
  });

  test('in an explanation: it is told of before, and the model ends', async (t) => {
    const model = await load(t, 1);
    if (model === undefined) return;
    const told = new Told(model);
    const { error } = await explain(model, poison);
    assert.deepEqual([error?.code, error?.message], ['DEVICE_FAILED', `cpu: ${deviceFailure}`]);
    assert.equal(told.order[0], 'deviceFailed');
    await told.closed;
    assert.deepEqual(told.order, ['deviceFailed', 'failed DEVICE_FAILED', 'closed']);
    assert.deepEqual([told.lost[0]?.device, told.lost[0]?.message], ['cpu', deviceFailure]);
  });

  test('while instances are added: the model ends', async (t) => {
    const model = await load(t, 1, { instances: 2 });
    if (model === undefined) return;
    const told = new Told(model);
    const slab = model.addSlab(threeFloats, 1, 64);
    // In this order: a model that has ended already would refuse it.
    model.model.scale(8, 1);
    assert.equal(await ask(model, slab, poison), 'DEVICE_FAILED');
    await told.closed;
    assert.equal(told.lost.length, 1);
    assert.equal(told.order.at(-1), 'closed');
  });
});

describe('one of several devices fails', () => {
  test('the others go on, and its instances are made anew on them', async (t) => {
    const model = await load(t, 2, { instances: 4 });
    if (model === undefined) return;
    const told = new Told(model);
    const slabs = Array.from({ length: 12 }, () => model.addSlab(threeFloats, 1, 64));
    const [first, ...others] = slabs;
    assert.ok(first);
    const busy = others.map((slab) => ask(model, slab, [work, 2, 3]));
    assert.equal(await ask(model, first, poison), 'DEVICE_FAILED');
    assert.deepEqual(await Promise.all(busy), Array(11).fill(undefined));
    assert.deepEqual(
      told.lost.map(({ remaining }) => remaining),
      [4],
    );
    const { instances, error } = await model.scale(4);
    assert.deepEqual([instances, error], [4, undefined]);
    const pointers = model.model.parameterPointers();
    assert.equal(new Set(pointers.map((each) => each.join())).size, 1, 'one device is left');
    assert.equal(await ask(model, first, [1, 2, 3]), undefined);
    await model.close();
  });

  test('a model with one instance moves to the device that works', async (t) => {
    const model = await load(t, 2);
    if (model === undefined) return;
    const told = new Told(model);
    const [first, second] = [1, 2].map(() => model.addSlab(threeFloats, 1, 64));
    assert.ok(first && second);
    const before = model.model.parameterPointers();
    const codes = [ask(model, first, poison), ask(model, second, [1, 2, 3])];
    assert.deepEqual(await Promise.all(codes), ['DEVICE_FAILED', undefined]);
    assert.deepEqual(
      told.lost.map(({ remaining }) => remaining),
      [1],
    );
    assert.notDeepEqual(model.model.parameterPointers(), before);
    assert.equal(await ask(model, first, poison), 'DEVICE_FAILED');
    await told.closed;
    assert.deepEqual(
      told.lost.map(({ remaining }) => remaining),
      [1, 0],
    );
  });

  test('in explanations: the next is given on the device that works', async (t) => {
    const model = await load(t, 2);
    if (model === undefined) return;
    const told = new Told(model);
    const slab = model.addSlab(threeFloats, 1, 64);
    assert.equal((await explain(model, poison)).error?.code, 'DEVICE_FAILED');
    assert.notEqual((await explain(model, [1, 2, 3])).error?.code, 'DEVICE_FAILED');
    assert.equal(await ask(model, slab, [1, 2, 3]), undefined);
    assert.equal((await explain(model, poison)).error?.code, 'DEVICE_FAILED');
    await told.closed;
    assert.deepEqual(
      told.lost.map(({ remaining }) => remaining),
      [1, 0],
    );
  });

  test('every batch is answered once, whatever fails and is scaled meanwhile', async (t) => {
    if ((await load(t, 1)) === undefined) return;
    const runs = fc.record({
      devices: fc.integer({ min: 1, max: 3 }),
      instances: fc.integer({ min: 1, max: 6 }),
      /** Rounds of each slab; negative ones are poison. */
      rounds: fc.array(fc.array(fc.integer({ min: -1, max: 12 }), { maxLength: 6 }), {
        minLength: 1,
        maxLength: 8,
      }),
      wishes: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }),
      closes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(runs, async ({ devices, instances, rounds, wishes, closes }) => {
        const model = await load(t, devices, { instances });
        assert.ok(model);
        const told = new Told(model);
        let refused = 0;
        const loops = rounds.map(async (steps) => {
          const slab = model.addSlab(threeFloats, 1, 64);
          for (const step of steps) {
            const events = told.batches.length;
            const code = await ask(model, slab, step < 0 ? poison : [step, 2, 3]);
            if (told.batches.length === events) refused += 1;
            const wanted =
              step < 0
                ? ['DEVICE_FAILED', 'MODEL_CLOSED']
                : [undefined, 'DEVICE_FAILED', 'MODEL_CLOSED'];
            assert.ok(wanted.includes(code), `${code}`);
          }
        });
        for (const wish of wishes) {
          await new Promise(setImmediate);
          try {
            model.model.scale(wish, 1);
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error);
            assert.equal(error.code, 'MODEL_CLOSED');
          }
        }
        if (closes) model.model.close();
        await Promise.all(loops);
        model.model.close();
        await told.closed;
        const asked = rounds.flat().length;
        assert.equal(told.batches.length + refused, asked);
        assert.ok(told.lost.length <= devices);
        const ends = told.order.filter((each) => each === 'closed').length;
        assert.equal(ends, 1);
      }),
      { numRuns: 40 },
    );
  });
});

test('a search for a plan tries nothing more on a device that has failed', async (t) => {
  const library = failingOperators(t);
  if (library === undefined) return;
  loadOperatorLibraries([library], '/');
  const events: TrialEvent[] = [];
  const closed = new Deferred<void>();
  const search = openPlanSearch(
    {
      path: fixture('faulty_zeros.pt'),
      device: 'cpu',
      inputs: [{ dtype: dtypeCode('float32'), dims: [3] }],
    },
    {
      trial: (event) => {
        events.push(event);
        if (events.length === 3) search.close();
      },
      closed: () => closed.resolve(),
    },
  );
  const trial: NativeTrial = {
    plan: {
      ...{ freeze: true, optimize: false, channelsLast: false },
      ...{ precision: 'float32', graphs: false },
    },
    rows: [4],
    instances: 1,
    intraOpThreads: 1,
    budget: 1,
  };
  for (let i = 0; i < 3; i += 1) search.try(trial);
  await closed.promise;
  for (const { error } of events) {
    assert.deepEqual([error?.code, error?.message], ['DEVICE_FAILED', deviceFailure]);
  }
});

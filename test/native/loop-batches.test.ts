import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { resetHeader } from '../../src/batching/slab-protocol.js';
import type { BatchEvent } from '../../src/native/addon.js';
import { alphaModel, closeOpenModels, fixture, OpenModel, type TestSlab } from './open-model.js';

afterEach(closeOpenModels);

const features = [{ dtype: 'float32' as const, dims: [64] }];
const threeFloats = [{ dtype: 'float32' as const, dims: [3] }];

/** A model whose batches of up to `rows` rows run within ring(). */
async function onLoop(path: string, dims: number[], rows: number): Promise<OpenModel> {
  const model = await OpenModel.load(path);
  await model.warmUp(dims, rows === 1 ? [1] : [1, rows]);
  const event = await model.runOnLoop(rows);
  assert.deepEqual([event.rows, event.reason], [rows, undefined]);
  return model;
}

/** Rings a slab, which runs within that call. */
function runHere({ model }: OpenModel, slab: TestSlab): BatchEvent {
  const event = model.ring(slab.id);
  assert.ok(event, 'it runs on the calling thread');
  return event;
}

/** Rings a slab, which an instance runs. */
async function runThere(model: OpenModel, slab: TestSlab): Promise<BatchEvent> {
  assert.equal(model.model.ring(slab.id), undefined, 'it is left to an instance');
  const [event] = await once(model, 'batch');
  assert.equal(event.slab, slab.id);
  return event;
}

const wave = (length: number, phase: number): number[] =>
  Array.from({ length }, (_, i) => Math.sin(i * 0.7 + phase));

describe('batches on the main loop', () => {
  test('run within ring() and give what an instance gives', async () => {
    const model = await onLoop(alphaModel, [64], 8);
    for (const rows of [1, 3, 8]) {
      const slabs = [0, 1].map(() => {
        const slab = model.addSlab(features, 8, 4096);
        for (let row = 0; row < rows; row += 1) slab.put(wave(64, row));
        return slab;
      });
      const [here, there] = slabs as [TestSlab, TestSlab];
      const event = runHere(model, here);
      await model.runOnLoop(0);
      const expected = await runThere(model, there);
      await model.runOnLoop(8);
      assert.equal(event.kind, 'batch');
      assert.equal(event.model, model.model.id);
      assert.deepEqual([event.slab, event.rows], [here.id, rows]);
      assert.equal(event.signature, expected.signature);
      assert.ok(event.computeMicroseconds > 0 && event.queueMicroseconds >= 0);
      assert.deepEqual(here.output(event, 1), there.output(expected, 1));
      for (let row = 0; row < rows; row += 1) assert.equal(here.outputRow(row), row);
    }
  });

  test('are left to an instance when whoever rings says so', async () => {
    const model = await onLoop(alphaModel, [64], 1);
    const slab = model.addSlab(features, 1, 4096);
    for (const here of [false, true, undefined]) {
      resetHeader(slab.words, 1);
      slab.put(wave(64, 0));
      const event = model.model.ring(slab.id, 0, here);
      assert.equal(event === undefined, here === false);
      if (event === undefined) await once(model, 'batch');
    }
  });

  test('are those of few rows only', async () => {
    const model = await onLoop(alphaModel, [64], 2);
    const slab = model.addSlab(features, 3, 4096);
    for (let row = 0; row < 3; row += 1) slab.put(wave(64, row));
    assert.equal((await runThere(model, slab)).rows, 3);
  });

  test('are left to an instance while a writer is at work, which may take its time', async () => {
    const model = await onLoop(alphaModel, [64], 4);
    const slab = model.addSlab(features, 4, 4096);
    slab.put(wave(64, 0));
    const late = slab.reserve(1);
    assert.equal(model.model.ring(slab.id), undefined);
    slab.floats(0, late).set(wave(64, 1));
    assert.equal(slab.commit(late, 1), true);
    const [event] = await once(model, 'batch');
    assert.deepEqual([event.rows, event.errors], [2, undefined]);
  });

  test('do not overtake what waits', async () => {
    const model = await onLoop(alphaModel, [64], 1);
    // The instance may have taken the first of them before the small one is rung, not all.
    const large = Array.from({ length: 20 }, () => model.addSlab(features, 4096, 65_536));
    for (const slab of large) slab.commit(slab.reserve(4096), 4096);
    const small = model.addSlab(features, 1, 4096);
    small.put(wave(64, 0));
    const order: number[] = [];
    const done = new Promise<void>((resolve) => {
      model.on('batch', ({ slab }) => {
        order.push(slab);
        if (slab === small.id) resolve();
      });
    });
    for (const { id } of [...large, small]) assert.equal(model.model.ring(id), undefined);
    await done;
    assert.deepEqual(
      order,
      [...large, small].map(({ id }) => id),
    );
  });

  test('leave out cancelled rows, and hand out outputs that have no room in the slab', async () => {
    const model = await onLoop(fixture('double.pt'), [3], 4);
    const slab = model.addSlab(threeFloats, 4);
    slab.put([1, 1, 1]);
    slab.discard(slab.reserve(1), 1);
    const last = slab.put([5, 5, 5]);
    const event = runHere(model, slab);
    assert.equal(event.rows, 2);
    assert.ok(event.overflow);
    assert.deepEqual([...slab.output(event, 3)], [3, 3, 3, 11, 11, 11]);
    assert.deepEqual([slab.outputRow(1), slab.outputRow(last)], [-1, 1]);
  });

  test('are run in halves when they fail, until each failing row stands alone', async () => {
    const model = await onLoop(fixture('throws.pt'), [3], 8);
    const slab = model.addSlab(threeFloats, 8, 1024);
    for (const value of [1, -1, 3, 4, 5, -6, 7]) slab.put([value, 0, 0]);
    const event = runHere(model, slab);
    assert.equal(event.rows, 5);
    assert.deepEqual(
      event.errors?.map(({ row, code }) => [row, code]),
      [
        [1, 'MODEL_FAILED'],
        [5, 'MODEL_FAILED'],
      ],
    );
    const values = slab.output(event, 3).filter((_, i) => i % 3 === 0);
    assert.deepEqual([...values], [1, 3, 4, 5, 7]);
  });

  test('go on beside instances that come and go, and beside explanations', async () => {
    const model = await onLoop(alphaModel, [64], 4);
    const slab = model.addSlab(features, 4, 4096);
    const input = { dtype: 0, dims: [64], bytes: new Uint8Array(256) };
    const explained = model.explain({ inputs: [input], input: 0, output: 0, target: 0, steps: 50 });
    for (const instances of [3, 1, 2]) {
      const scaled = model.scale(instances);
      for (let round = 0; round < 20; round += 1) {
        resetHeader(slab.words, 4);
        slab.put(wave(64, round));
        assert.equal((await model.run(slab)).rows, 1);
      }
      assert.equal((await scaled).instances, instances);
    }
    assert.equal((await explained).error, undefined);
    resetHeader(slab.words, 4);
    slab.put(wave(64, 0));
    runHere(model, slab);
  });

  test('leave the loop half of its time: instances take the others', async () => {
    const model = await onLoop(alphaModel, [64], 32);
    const slabs = Array.from({ length: 2000 }, () => {
      const slab = model.addSlab(features, 32, 4096);
      slab.reserve(32);
      slab.commit(0, 32);
      return slab;
    });
    const there = slabs.findIndex((slab) => model.model.ring(slab.id) === undefined);
    assert.ok(there > 0, `${there} batches ran in one turn`);
    await once(model, 'batch');
  });
});

describe('a model is left to its instances', () => {
  for (const [file, what] of [
    ['slow.pt', 'has a loop'],
    ['hungry.pt', 'makes sizes of values'],
    ['remembers.pt', 'changes what it keeps'],
    ['prints.pt', 'prints'],
  ]) {
    test(`that ${what}: ${file}`, async () => {
      const model = await OpenModel.load(fixture(file ?? ''));
      assert.equal(model.description?.straightLine, false);
      await model.warmUp([3], [1]);
      const event = await model.runOnLoop(1);
      assert.equal(event.rows, 0);
      assert.match(event.reason ?? '', /only models that always do the same/);
      const slab = model.addSlab(threeFloats, 1, 1024);
      slab.put([0, 0, 0]);
      assert.equal((await runThere(model, slab)).rows, 1);
    });
  }

  test('that was not warmed up', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const event = await model.runOnLoop(1);
    assert.deepEqual([event.rows, event.reason], [0, 'it was not warmed up']);
  });

  test('when its batches take much longer than at warm-up, with one event that says so', async () => {
    const model = await onLoop(fixture('uneven.pt'), [3], 1);
    const slab = model.addSlab(threeFloats, 1, 1024);
    const left = once(model, 'loop');
    let here = 0;
    for (let round = 0; round < 200; round += 1) {
      resetHeader(slab.words, 1);
      slab.put([1, 2, 3]);
      const event = model.model.ring(slab.id);
      if (event === undefined) {
        await once(model, 'batch');
      } else {
        here += 1;
        assert.deepEqual([...slab.output(event, 3)], [1, 2, 3]);
      }
    }
    const [event] = await left;
    assert.equal(event.rows, 0);
    assert.match(event.reason, /batches took up to \d+ us, and at warm-up \d+ us/);
    assert.ok(here < 100, `${here} batches ran on the main loop`);
  });
});

describe('the end', () => {
  test('a model may be closed before its main loop is ready, and reopened', async () => {
    for (let round = 0; round < 5; round += 1) {
      const model = await OpenModel.load(fixture('double.pt'));
      await model.warmUp([3], [1, 4]);
      model.model.runOnLoop(4);
      if (round % 2 === 1) await once(model, 'loop');
      await model.close();
    }
  });

  test('a slab that is rung after close comes back refused', async () => {
    const model = await onLoop(fixture('double.pt'), [3], 4);
    const slab = model.addSlab(threeFloats, 1, 1024);
    slab.put([1, 2, 3]);
    const closed = model.close();
    assert.throws(() => model.model.runOnLoop(4), { code: 'MODEL_CLOSED' });
    const batch = once(model, 'batch');
    try {
      assert.equal(model.model.ring(slab.id), undefined);
      const [event] = await batch;
      assert.equal(event.errors?.[0]?.code, 'MODEL_CLOSED');
    } catch (error) {
      // Nobody is left to send it back.
      assert.equal((error as { code?: string }).code, 'MODEL_CLOSED');
    }
    await closed;
  });

  test('the last of several wishes holds', async () => {
    const model = await onLoop(fixture('double.pt'), [3], 4);
    const granted: number[] = [];
    model.on('loop', ({ rows }) => granted.push(rows));
    for (const rows of [2, 0, 3]) model.model.runOnLoop(rows);
    while (granted.at(-1) !== 3) await once(model, 'loop');
    assert.ok(!granted.includes(2));
    for (const rows of [3, 4]) {
      const slab = model.addSlab(threeFloats, 4, 1024);
      for (let row = 0; row < rows; row += 1) slab.put([row, 0, 0]);
      const event = rows === 3 ? runHere(model, slab) : await runThere(model, slab);
      assert.equal(event.rows, rows);
    }
  });

  test('many models run there side by side', async () => {
    const models = await Promise.all(
      Array.from({ length: 12 }, () => onLoop(fixture('linear.pt'), [3], 2)),
    );
    const slabs = models.map((model) => model.addSlab(threeFloats, 2, 1024));
    const answers: number[][] = [];
    for (const [i, model] of models.entries()) {
      const slab = slabs[i] as TestSlab;
      slab.put([1, 2, 3]);
      answers.push([...slab.output(await model.run(slab), 2)]);
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  });
});

describe('the order of slabs', () => {
  test('is the one that ring() and advance() ask for, and else that of the bells', async () => {
    const model = await OpenModel.load(fixture('slow.pt'));
    const [busy, ...waiting] = Array.from({ length: 7 }, () => model.addSlab(threeFloats, 1, 1024));
    const order: number[] = [];
    model.on('batch', ({ slab }) => order.push(waiting.findIndex(({ id }) => id === slab)));
    (busy as TestSlab).put([20_000, 0, 0]);
    model.model.ring((busy as TestSlab).id);
    for (const [i, at] of [30, 10, 20, 10, 40, 50].entries()) {
      const slab = waiting[i] as TestSlab;
      slab.put([1, 0, 0]);
      model.model.ring(slab.id, at);
    }
    model.model.advance((waiting[4] as TestSlab).id, 15);
    model.model.advance((waiting[5] as TestSlab).id, 60);
    model.model.advance((busy as TestSlab).id, -1);
    while (order.length < 7) await once(model, 'batch');
    assert.deepEqual(order, [-1, 1, 3, 4, 2, 0, 5]);
  });

  test('is a number', async () => {
    const model = await OpenModel.load(fixture('double.pt'));
    const slab = model.addSlab(threeFloats, 1, 1024);
    assert.throws(() => model.model.ring(slab.id, Number.NaN), { code: 'INTERNAL' });
    assert.throws(() => model.model.runOnLoop(-1), { code: 'INTERNAL' });
    assert.throws(() => model.model.runOnLoop(1.5), { code: 'INTERNAL' });
  });
});

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { startAddonLoop } from '../../scripts/bench/contenders/addon-loop.mjs';
import { startLanesLoop } from '../../scripts/bench/contenders/lanes-loop.mjs';
import { alpha, readExpected } from '../../scripts/bench/lib/alpha-model.mjs';
import { Children } from '../../scripts/bench/lib/children.mjs';
import { lanesTable, sweepLanes } from '../../scripts/bench/lib/lanes-steps.mjs';
import { weightsStep } from '../../scripts/bench/lib/weights-step.mjs';

const children = new Children();
after(() => children.stopAll());
const context = { children, options: { device: 'cpu' } };
const { predictions } = readExpected();

function assertClose(actual, expected) {
  assert.equal(actual.length, expected.length);
  for (const [i, row] of expected.entries()) {
    assert.equal(actual[i].length, row.length);
    for (const [j, value] of row.entries()) {
      assert.ok(Math.abs(actual[i][j] - value) < 1e-5, `${actual[i][j]} is not ${value}`);
    }
  }
}

suite('the loop of the addon', () => {
  const model = { path: alpha.modelFile, rows: alpha.expectedFile };

  test('answers as PyTorch does, and counts batches', async () => {
    const loop = await startAddonLoop(context, model);
    assertClose(loop.ready.predictions, predictions);
    assert.deepEqual(loop.ready.captured, []);
    const figures = await loop.run({ rows: 3, seconds: 0.05 });
    assert.ok(figures.rowsPerSecond > 0 && figures.cpuMillisecondsPerRow >= 0);
    assert.ok(!('workShare' in figures), 'the CPU is no device');
  });

  test('keeps several slabs under way, filled once, on several instances', async () => {
    const more = { instances: 2, slabs: 5, refill: false };
    const loop = await startAddonLoop(context, { ...model, ...more });
    const figures = await loop.run({ rows: 8, seconds: 0.05 });
    assert.ok(figures.rowsPerSecond > 0);
    const again = await loop.run({ rows: 1, seconds: 0 });
    assert.ok(again.rowsPerSecond > 0);
  });

  test('has no graphs on the CPU', async () => {
    const plan = { freeze: true, graphs: true };
    const loop = await startAddonLoop(context, { ...model, plan, graphRows: [1] });
    assert.deepEqual(loop.ready.captured, []);
    assertClose(loop.ready.predictions, predictions);
  });

  test('that cannot load its model says why', async () => {
    const missing = startAddonLoop(context, { ...model, path: 'missing.pt' });
    await assert.rejects(missing, /The addon loop ended[\s\S]*MODEL_LOAD_FAILED: cannot open/);
  });
});

suite('the bare loop of a GPU', () => {
  test('runs on the CPU as well: one lane or several', async (t) => {
    const loop = await startLanesLoop(context, alpha.modelFile, alpha.expectedFile);
    if ('skipped' in loop) {
      t.skip(loop.skipped);
      return;
    }
    for (const plan of [{}, { freeze: true, graphs: true }]) {
      assertClose((await loop.ask({ plan, predict: true })).predictions, predictions);
    }
    const swept = await sweepLanes(loop, [{}], [1, 2], 0.01);
    assert.ok(swept.every(({ rowsPerSecond }) => rowsPerSecond > 0));
    assert.equal(lanesTable(swept).split('\n').length, 5);
  });
});

suite('memory of weights', () => {
  const figures = (ready) => weightsStep('one', { ready });

  test('is what the addon had allocated when it was loaded', async () => {
    const step = figures({ device: { allocatedBytes: 2 ** 21 } });
    const measured = await step.measure();
    assert.deepEqual(measured, { mebibytes: 2 });
    assert.equal(step.invalid(measured), undefined);
  });

  test('does not count where the addon tells none', async () => {
    const step = figures({});
    assert.match(step.invalid(await step.measure()), /counts no memory/);
  });
});

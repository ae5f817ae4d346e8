import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { runOnLoop } from '../../src/models/loop-batches.js';
import { OpenedModel } from '../../src/models/opened-model.js';
import { openModel } from '../../src/native/runtime.js';
import { alphaModel, fixture } from '../native/open-model.js';
import { source } from '../support/server.js';

const opened = new Set<OpenedModel>();

afterEach(async () => {
  await Promise.all([...opened].map((model) => model.close()));
  opened.clear();
});

async function open(path: string): Promise<OpenedModel> {
  const model = new OpenedModel(
    source('double'),
    { path, devices: ['cpu'], instances: 1, intraOpThreads: 1, freeze: true, commitTimeout: 2 },
    {
      batch: () => assert.fail('a batch of nobody'),
      scaled: () => {},
      printed: () => {},
      leftLoop: () => {},
      deviceFailed: () => {},
      notice: () => {},
      failed: (error) => assert.fail(error),
      closed: () => {},
    },
    openModel,
  );
  opened.add(model);
  await model.loaded;
  return model;
}

const vector = (length: number): { dtype: 'float32'; dims: number[] }[] => [
  { dtype: 'float32', dims: [length] },
];

suite('the batches of a model', () => {
  test('run on the main loop when they cost less than the way to an instance', async () => {
    const model = await open(alphaModel);
    const rows = [1, 2, 4];
    const event = await model.warmUp(vector(64), rows);
    // Whatever this machine takes for them.
    const cheap = { ...event, microseconds: [0.1, 0.2, 0.3] };
    const granted = await runOnLoop(model, vector(64), rows, cheap);
    assert.equal(granted?.rows, 4);
    assert.match(granted?.why ?? '', /a batch of one row takes 0 us, the way to .* \d+ us/);
  });

  test('are not considered when a single row keeps the main loop too long', async () => {
    const model = await open(alphaModel);
    const event = await model.warmUp(vector(64), [1]);
    const dear = { ...event, microseconds: [5000] };
    assert.equal(await runOnLoop(model, vector(64), [1], dear), undefined);
  });

  test('stay with the instances when they do not always do the same', async () => {
    const model = await open(fixture('slow.pt'));
    const event = await model.warmUp(vector(3), [1]);
    const granted = await runOnLoop(model, vector(3), [1], { ...event, microseconds: [0.1] });
    assert.deepEqual([granted?.rows, /always do the same/.test(granted?.why ?? '')], [0, true]);
  });

  test('are nobody’s any more when the model is closed meanwhile', async () => {
    const model = await open(alphaModel);
    const event = await model.warmUp(vector(64), [1]);
    const granted = runOnLoop(model, vector(64), [1], { ...event, microseconds: [0.1] });
    const [outcome] = await Promise.allSettled([granted, model.close()]);
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'MODEL_CLOSED');
  });
});

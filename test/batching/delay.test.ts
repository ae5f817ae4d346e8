import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Bench, quiet } from './bench.js';

/** Milliseconds. */
const batchDelay = 100;

describe('with a delay, as TorchServe waits', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench({ batchDelay });
  });

  const rung = (): number => bench.instances.in('rung').length;

  test('a batch waits for the delay and no longer', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const client = bench.ask(1);
    await quiet();
    t.mock.timers.tick(batchDelay - 1);
    assert.equal(rung(), 0);
    t.mock.timers.tick(1);
    assert.equal(rung(), 1);
    await bench.runAll();
    assert.deepEqual(client.answers, [[3]]);
  });

  test('the delay counts from the first request of the batch', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    bench.ask(1);
    t.mock.timers.tick(batchDelay - 1);
    bench.ask(2);
    assert.equal(rung(), 0);
    t.mock.timers.tick(1);
    assert.equal(rung(), 1);
    assert.equal(bench.complete(bench.seal()).rows, 2);
  });

  test('a full batch does not wait', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const value of [1, 2, 3, 4]) bench.ask(value);
    assert.equal(bench.complete(bench.seal()).rows, 4);
  });

  test('a batch that the next request does not fit into does not wait', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    bench.ask(1, 2, 3);
    const [id] = bench.instances.slabs.keys();
    bench.ask(4, 5);
    assert.deepEqual(bench.instances.in('rung'), [id]);
    assert.equal(bench.complete(bench.seal()).rows, 3);
    t.mock.timers.tick(batchDelay);
    assert.equal(bench.complete(bench.seal()).rows, 2);
  });

  test('a batch that is full as its delay ends is rung once', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const value of [1, 2, 3]) bench.ask(value);
    t.mock.timers.tick(batchDelay);
    bench.ask(4);
    t.mock.timers.tick(batchDelay);
    assert.equal(bench.complete(bench.seal()).rows, 4);
    assert.deepEqual(bench.instances.violations, []);
  });

  test('each batch has a delay of its own', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    bench.ask(1);
    t.mock.timers.tick(batchDelay);
    bench.complete(bench.seal());
    bench.ask(2);
    t.mock.timers.tick(batchDelay - 1);
    assert.equal(rung(), 0);
    t.mock.timers.tick(1);
    assert.equal(rung(), 1);
  });

  test('a request that names less time than the delay ends it, and one that names more does not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const now = performance.now();
    const patient = bench.reserve([1], { since: now, wantedBy: now + batchDelay + 10_000 });
    patient.reservation?.commit();
    await quiet();
    assert.equal(rung(), 0);
    const urgent = bench.reserve([2], { since: now, wantedBy: now + batchDelay - 1 });
    urgent.reservation?.commit();
    assert.equal(rung(), 1);
    await bench.runAll();
    assert.deepEqual([patient.answers, urgent.answers], [[[3]], [[5]]]);
  });

  test('a batch whose requests have all gone comes back empty', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const client of [bench.ask(1), bench.ask(2)]) client.reservation?.cancel();
    t.mock.timers.tick(batchDelay);
    assert.equal(bench.complete(bench.seal()).rows, 0);
    await bench.assembler.close();
    assert.equal(bench.budget.used, 0);
  });

  test('close ends the wait', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const client = bench.ask(1);
    const writing = bench.reserve([2]);
    const closed = bench.assembler.close();
    assert.equal(rung(), 1);
    writing.reservation?.commit();
    await bench.runAll();
    assert.deepEqual([client.answers, writing.answers], [[[3]], [[5]]]);
    client.release();
    writing.release();
    await closed;
    assert.equal(bench.budget.used, 0);
  });
});

test('without a delay no timer is waited for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const bench = new Bench();
  bench.ask(1);
  await quiet();
  assert.equal(bench.complete(bench.seal()).rows, 1);
});

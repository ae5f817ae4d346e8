import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Restarts } from '../../src/workers/restarts.js';

/** Seconds after which each of so many threads that end at once is replaced. */
function delays(t: TestContext, restarts: Restarts, starts: number[], times: number): number[] {
  const seconds: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const before = starts.length;
    restarts.schedule();
    let waited = 0;
    t.mock.timers.tick(1);
    while (starts.length === before) {
      t.mock.timers.tick(1000);
      waited += 1;
    }
    seconds.push(waited);
  }
  return seconds;
}

test('a thread that ends is replaced at once, then later each time that none has served', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const starts: number[] = [];
  const restarts = new Restarts(() => starts.push(1));
  assert.deepEqual(delays(t, restarts, starts, 8), [0, 1, 1, 2, 3, 5, 8, 13]);
  restarts.served();
  assert.deepEqual(delays(t, restarts, starts, 3), [0, 1, 1]);
});

test('none is replaced after the end', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const starts: number[] = [];
  const restarts = new Restarts(() => starts.push(1));
  restarts.schedule();
  restarts.stop();
  restarts.schedule();
  t.mock.timers.tick(1e6);
  assert.deepEqual(starts, []);
});

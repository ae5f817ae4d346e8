import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { SconceError } from '../../src/errors.js';
import { ThreadWatch, type WatchedThread } from '../../src/workers/thread-watch.js';

/** A watched thread with requests that are overdue or not. */
function watched(t: TestContext, overdue: number, others: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const now = performance.now();
  const request = (deadline: number) => ({ exchange: { deadline } });
  const requests = [
    ...Array.from({ length: overdue }, () => request(now - 1)),
    ...Array.from({ length: others }, () => request(now + 1e9)),
  ];
  const pings: number[] = [];
  const reasons: SconceError[] = [];
  const thread: WatchedThread = {
    requests: () => requests,
    ping: (number) => pings.push(number),
    end: (reason) => reasons.push(reason),
  };
  const watch = new ThreadWatch(thread, 1_000_000, 16);
  watch.start();
  const look = (times: number): void => {
    for (let i = 0; i < times; i += 1) t.mock.timers.tick(100);
  };
  return { watch, pings, reasons, requests, look };
}

suite('a thread that has requests', () => {
  test('may be silent while none of them is overdue', (t) => {
    const { reasons, look } = watched(t, 0, 3);
    look(1000);
    assert.deepEqual(reasons, []);
  });

  test('may have some that are overdue while it answers', (t) => {
    const { watch, pings, reasons, look } = watched(t, 7, 1);
    for (let i = 0; i < 100; i += 1) {
      look(1);
      watch.answered(pings.at(-1) ?? 0, 0);
    }
    assert.deepEqual(reasons, []);
  });

  test('ends when it is silent for a second with one that is overdue', (t) => {
    const { reasons, look } = watched(t, 1, 3);
    look(10);
    assert.deepEqual(reasons, []);
    look(1);
    assert.deepEqual(
      reasons.map(({ reason }) => reason),
      ['the code of the handler did not let go of its thread in time'],
    );
    look(100);
    assert.equal(reasons.length, 1);
  });

  test('ends when half of what fits is overdue', (t) => {
    const { reasons, look } = watched(t, 8, 0);
    look(1);
    assert.match(reasons[0]?.reason ?? '', /^8 requests in the same thread/);
  });

  test('ends when it tells twice of more memory than it may have', (t) => {
    const { watch, reasons } = watched(t, 0, 1);
    const tooMuch = 1_000_001 * 1024 * 1024;
    for (const bytes of [tooMuch, 1, tooMuch]) watch.answered(1, bytes);
    assert.deepEqual(reasons, []);
    watch.answered(2, tooMuch);
    assert.deepEqual(
      reasons.map(({ code }) => code),
      ['WORKER_OUT_OF_MEMORY'],
    );
  });

  test('is not asked when it has none any more', (t) => {
    const { pings, requests, watch, look } = watched(t, 0, 1);
    look(1);
    watch.answered(1, 0);
    requests.length = 0;
    look(100);
    assert.deepEqual(pings, [1]);
  });
});

import assert from 'node:assert/strict';
import { beforeEach, suite, test } from 'node:test';
import { Workers } from '../../src/models/workers.js';

suite('workers', () => {
  let workers: Workers;

  beforeEach(() => {
    let next = 9000;
    workers = new Workers(() => next++);
  });

  const ids = (): number[] => workers.list.map(({ id }) => id);
  const milliseconds = (): (number | undefined)[] =>
    workers.list.map(({ loadMilliseconds }) => loadMilliseconds);

  test('the newest stop first, and numbers are never given twice', () => {
    workers.resize(3);
    workers.resize(1);
    workers.resize(2);
    assert.deepEqual(ids(), [9000, 9003]);
    workers.resize(0);
    workers.resize(1);
    assert.deepEqual(ids(), [9004]);
  });

  test('those that run are started once, each with the time it took', () => {
    workers.resize(2);
    assert.equal(workers.started([11, 12], 2).length, 2);
    workers.resize(3);
    assert.deepEqual(
      workers.started([13], 3).map(({ id }) => id),
      [9002],
    );
    assert.deepEqual(milliseconds(), [11, 12, 13]);
  });

  test('those that were asked for since are not started', () => {
    workers.resize(1);
    workers.resize(3);
    workers.started([11], 1);
    assert.deepEqual(milliseconds(), [11, undefined, undefined]);
  });

  test('one that was stopped and taken back has nothing to load', () => {
    workers.resize(2);
    workers.started([11, 12], 2);
    workers.resize(1);
    workers.resize(2);
    workers.started([], 2);
    assert.deepEqual(milliseconds(), [11, 0]);
  });
});

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withLock } from '../../scripts/lib/lock.mjs';
import { temporaryFolder } from './support.mjs';

test('two bodies under one lock run one after the other', async (t) => {
  const path = join(temporaryFolder(t), 'a.lock');
  const order = [];
  const body = (name) => async () => {
    order.push(`${name} starts`);
    await new Promise(setImmediate);
    order.push(`${name} ends`);
  };
  await Promise.all([withLock(path, 'waiting', body('a')), withLock(path, 'waiting', body('b'))]);
  assert.deepEqual(order, ['a starts', 'a ends', 'b starts', 'b ends']);
  assert.equal(existsSync(path), false);
});

test('the lock of a dead process counts for nothing', async (t) => {
  const path = join(temporaryFolder(t), 'a.lock');
  writeFileSync(path, '99999999');
  assert.equal(await withLock(path, 'waiting', async () => 'ran'), 'ran');
});

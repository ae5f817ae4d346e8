import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SharedKey } from '../../src/security/shared-key.js';

const hour = 3_600_000;

suite('a shared key', () => {
  test('is seen through its memory, as soon as it is set', () => {
    const mine = new SharedKey();
    const theirs = new SharedKey(mine.memory);
    mine.set({ key: 'first', expires: undefined });
    theirs.authorize('inference', 'Bearer first');
    mine.set({ key: 'another', expires: new Date(Date.now() + hour) });
    theirs.authorize('inference', 'Bearer another');
    assert.throws(() => theirs.authorize('inference', 'Bearer first'), { code: 'TOKEN_REFUSED' });
  });

  test('is refused once it has expired', () => {
    const key = new SharedKey();
    key.set({ key: 'old', expires: new Date(Date.now() - hour) });
    assert.throws(() => key.authorize('inference', 'Bearer old'), { code: 'TOKEN_REFUSED' });
  });

  test('is refused when none or something else is sent', () => {
    const key = new SharedKey();
    key.set({ key: 'right', expires: undefined });
    for (const header of [undefined, '', 'right', 'Bearer', 'Bearer righ', 'bearer right']) {
      assert.throws(() => key.authorize('inference', header), { code: 'TOKEN_REFUSED' });
    }
  });
});

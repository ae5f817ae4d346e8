import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addon } from '../../src/native/binding.js';

suite('duplicateDescriptor()', () => {
  test('gives another descriptor of the same file', () => {
    const first = openSync(fileURLToPath(import.meta.url), 'r');
    const second = addon().duplicateDescriptor(first);
    assert.notEqual(second, first);
    closeSync(first);
    assert.equal(readSync(second, Buffer.alloc(8)), 8);
    closeSync(second);
  });

  test('throws for what is none', () => {
    for (const wrong of [-1, 1.5, 2 ** 31, 1_000_000]) {
      assert.throws(() => addon().duplicateDescriptor(wrong), { code: 'INTERNAL' });
    }
  });
});

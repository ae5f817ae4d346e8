import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { toBoolean, toInteger } from '../../src/http/query.js';

suite('toInteger()', () => {
  const integers: [unknown, number | undefined][] = [
    ['0', 0],
    ['-1', -1],
    ['+7', 7],
    ['007', 7],
    ['2147483647', 2_147_483_647],
    [5, 5],
    [['3', '4'], 3],
    ['2147483648', undefined],
    ['9'.repeat(400), undefined],
    ['', undefined],
    [' 1', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['NaN', undefined],
    ['١', undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [1.5, undefined],
    [true, undefined],
    [null, undefined],
    [undefined, undefined],
    [[], undefined],
    [{}, undefined],
    [{ toString: 1 }, undefined],
  ];
  for (const [value, wanted] of integers) {
    test(`of ${JSON.stringify(value)?.slice(0, 20)}`, () => {
      assert.equal(toInteger(value), wanted);
    });
  }

  test('of anything is an integer of 32 bits, or none', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const number = toInteger(value);
        assert.ok(number === undefined || number === Math.trunc(number));
      }),
    );
  });
});

suite('toBoolean()', () => {
  for (const value of ['true', 'TRUE', 'True', true, ['true', 'false']]) {
    test(`of ${JSON.stringify(value)}: true`, () => assert.equal(toBoolean(value, false), true));
  }
  for (const value of ['false', '', 'yes', '1', ' true', 1, false, ['', 'true']]) {
    test(`of ${JSON.stringify(value)}: false`, () => assert.equal(toBoolean(value, true), false));
  }
  for (const value of [undefined, null]) {
    test(`of ${value}: what else`, () => {
      assert.equal(toBoolean(value, true), true);
      assert.equal(toBoolean(value, false), false);
    });
  }
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { javaDouble } from '../../src/metrics/java-double.js';

const samples: [number, string][] = [
  [0, '0.0'],
  [-0, '-0.0'],
  [1, '1.0'],
  [-1, '-1.0'],
  [0.1, '0.1'],
  [0.5, '0.5'],
  [100, '100.0'],
  [123456.789, '123456.789'],
  [9879.832999999999, '9879.832999999999'],
  [23271.66796875, '23271.66796875'],
  [34.967063903808594, '34.967063903808594'],
  [9999999, '9999999.0'],
  [9999999.999999998, '9999999.999999998'],
  [1e7, '1.0E7'],
  [12345678, '1.2345678E7'],
  [123456789.125, '1.23456789125E8'],
  [-1e7, '-1.0E7'],
  [0.001, '0.001'],
  [0.0015, '0.0015'],
  [0.0009999999999999998, '9.999999999999998E-4'],
  [1e-4, '1.0E-4'],
  [-1e-5, '-1.0E-5'],
  [2e23, '2.0E23'],
  [8.41e21, '8.41E21'],
  [9007199254740992, '9.007199254740992E15'],
  [1e21, '1.0E21'],
  [1e100, '1.0E100'],
  [Number.MIN_VALUE, '4.9E-324'],
  [2 * Number.MIN_VALUE, '9.9E-324'],
  [2.2250738585072014e-308, '2.2250738585072014E-308'],
  [Number.MAX_VALUE, '1.7976931348623157E308'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
];

suite('javaDouble', () => {
  for (const [value, text] of samples) {
    test(`writes ${text}`, () => assert.equal(javaDouble(value), text));
  }

  test('writes what means the same number, in the form that Java gives it', () => {
    const form = /^-?(\d{1,7}\.\d+|[1-9]\.\d+E-?\d{1,3}|Infinity)$|^NaN$/;
    fc.assert(
      fc.property(fc.double(), (value) => {
        const text = javaDouble(value);
        assert.match(text, form);
        assert.ok(Object.is(Number(text), value), text);
      }),
      { numRuns: 20_000 },
    );
  });
});

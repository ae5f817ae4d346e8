import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { headerParameters, mediaTypeOf } from '../../src/http/media-type.js';

suite('mediaTypeOf()', () => {
  for (const [header, type] of [
    ['application/json', 'application/json'],
    [' Application/JSON ;charset=utf-8', 'application/json'],
    ['', ''],
    [';', ''],
  ] as const) {
    test(`of ${JSON.stringify(header)}`, () => assert.equal(mediaTypeOf(header), type));
  }
});

suite('headerParameters()', () => {
  const headers: [string, Record<string, string>][] = [
    ['form-data', {}],
    ['form-data; name="a"; filename=b', { name: 'a', filename: 'b' }],
    ['form-data;NAME=a; name=b', { name: 'a' }],
    ['form-data; name="a;b=c\\"d"; e', { name: 'a;b=c"d' }],
    ['form-data; name=', { name: '' }],
    ['form-data; name="open', { name: '' }],
    ['a=b', {}],
  ];
  for (const [header, parameters] of headers) {
    test(`of ${header}`, () => {
      assert.deepEqual(Object.fromEntries(headerParameters(header)), parameters);
    });
  }
});

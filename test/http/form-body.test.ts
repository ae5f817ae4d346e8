import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { SconceError } from '../../src/errors.js';
import { isForm, readForm } from '../../src/http/form-body.js';

const urlEncoded = 'application/x-www-form-urlencoded';

/** Name, value as text, and type of each parameter. */
function read(type: string, body: string): [string, string, string | undefined][] {
  return readForm(type, Buffer.from(body)).map(({ name, value, contentType }) => [
    name,
    Buffer.from(value).toString(),
    contentType,
  ]);
}

suite('isForm()', () => {
  for (const type of [
    'multipart/form-data; boundary=x',
    'Multipart/Form-Data; boundary=x',
    'multipart/mixed',
    urlEncoded,
    `${urlEncoded} ; charset=utf-8`,
    urlEncoded.toUpperCase(),
  ]) {
    test(`${type}: yes`, () => assert.equal(isForm(type), true));
  }
  for (const type of ['', 'multipart', 'application/json', `${urlEncoded}x`, 'x; multipart/a']) {
    test(`${JSON.stringify(type)}: no`, () => assert.equal(isForm(type), false));
  }
});

suite('a form', () => {
  const forms: [string, [string, string][]][] = [
    ['', []],
    ['&&', []],
    ['a', [['a', '']]],
    ['=b', [['', 'b']]],
    [
      'a=1&a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['a+b=c%20d%2B', [['a b', 'c d+']]],
    ['a=%zz%4', [['a', '%zz%4']]],
    ['%C3%A9=é', [['é', 'é']]],
    ['__proto__=1', [['__proto__', '1']]],
  ];
  for (const [body, fields] of forms) {
    test(`of ${JSON.stringify(body)}`, () => {
      const wanted = fields.map(([name, value]) => [name, value, undefined]);
      assert.deepEqual(read(urlEncoded, body), wanted);
    });
  }

  test('has at most 10000 fields', () => {
    assert.equal(read(urlEncoded, 'a&'.repeat(9_999)).length, 9_999);
    assert.throws(() => read(urlEncoded, 'a&'.repeat(10_000)), {
      code: 'INVALID_REQUEST',
      message: 'the form has more than 10000 fields',
    });
  });

  test('gives back what was put into it, whatever that is', () => {
    const pair = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        assert.deepEqual(
          read(urlEncoded, new URLSearchParams(pairs).toString()),
          pairs.map(([name, value]) => [name, value, undefined]),
        );
      }),
    );
  });

  test('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(urlEncoded, 'multipart/form-data; boundary=B', 'multipart/x'),
        fc.uint8Array({ maxLength: 500 }),
        (type, bytes) => {
          try {
            readForm(type, bytes);
          } catch (error) {
            assert.ok(error instanceof SconceError && error.code === 'INVALID_REQUEST');
          }
        },
      ),
    );
  });
});

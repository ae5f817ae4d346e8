import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  errorCodeOf,
  errorTable,
  inWords,
  isErrorCode,
  SconceError,
  toSconceError,
} from '../src/errors.js';

/** The status codes of gRPC that an error can have. */
const grpcErrors = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

suite('the error table', () => {
  for (const [code, row] of Object.entries(errorTable)) {
    test(`${code} has a code, statuses, an exception name and a message`, () => {
      assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
      assert.ok(Number.isInteger(row.status) && row.status >= 400 && row.status < 600);
      assert.ok(grpcErrors.includes(row.grpc), row.grpc);
      assert.match(row.type, /^[A-Z][A-Za-z]+Exception$/);
      assert.match(row.template, /^\S.*\S$/s);
      assert.doesNotMatch(row.template.replaceAll('%s', ''), /%/);
    });

    test(`${code} fills its placeholders in order`, () => {
      assert.ok(isErrorCode(code));
      const values = row.template.match(/%s/g)?.map((_, i) => `<${i}>`) ?? [];
      const error = new SconceError(code, ...values);
      assert.equal(error.code, code);
      assert.equal(error.status, row.status);
      assert.equal(error.type, row.type);
      assert.equal(error.name, 'SconceError');
      let next = 0;
      assert.equal(
        error.message,
        row.template.replace(/%s/g, () => `<${next++}>`),
      );
    });
  }
});

suite('an error in words', () => {
  const words: [Error, string][] = [
    [new Error('no'), 'no'],
    [new SconceError('DOWNLOAD_FAILED', 'x'), 'Failed to download archive from: x'],
    [
      new SconceError('DOWNLOAD_FAILED', 'x').because('refused'),
      'Failed to download archive from: x: refused',
    ],
    [
      new SconceError('MODEL_STORE_MISSING').because('ENOENT'),
      'Model store has not been configured: ENOENT',
    ],
  ];
  for (const [error, expected] of words) {
    test(`is ${expected}`, () => assert.equal(inWords(error), expected));
  }
});

suite('placeholders', () => {
  test('take numbers, and values that look like placeholders or patterns', () => {
    assert.equal(
      new SconceError('MODEL_NOT_FOUND', '%s $& $1').message,
      'Model not found: %s $& $1',
    );
    assert.equal(
      new SconceError('BODY_TOO_LARGE', 5).message,
      'The request body is larger than maxRequestSize (5 bytes).',
    );
  });

  test('without a value are empty', () => {
    assert.equal(new SconceError('MODEL_NOT_FOUND').message, 'Model not found: ');
  });
});

suite('toSconceError()', () => {
  test('gives a SconceError back', () => {
    const error = new SconceError('MODEL_NOT_FOUND', 'x');
    assert.equal(toSconceError(error), error);
  });

  test('takes the code that a native error carries', () => {
    const native = Object.assign(new Error('field "x" is missing'), { code: 'INVALID_REQUEST' });
    const error = toSconceError(native);
    assert.deepEqual([error.code, error.message], ['INVALID_REQUEST', 'field "x" is missing']);
  });

  test('makes everything else internal, with its message', () => {
    const thrown = [new Error('a'), 'a', Object.assign(new Error('a'), { code: 'ENOENT' })];
    for (const value of thrown) {
      const error = toSconceError(value);
      assert.deepEqual([error.code, error.message, error.status], ['INTERNAL', 'a', 500]);
    }
    assert.equal(toSconceError(undefined).message, 'undefined');
  });
});

suite('isErrorCode()', () => {
  test('knows the rows and nothing else', () => {
    assert.ok(isErrorCode('INTERNAL'));
    for (const other of ['toString', '__proto__', '', 'internal', 5, undefined, null]) {
      assert.ok(!isErrorCode(other));
    }
    assert.equal(errorCodeOf({ code: 'INTERNAL' }), undefined);
  });
});

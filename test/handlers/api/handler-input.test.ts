import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PredictionError } from '../../../src/handlers/api/prediction-error.js';
import { localRequest } from '../local-context.js';

const part = (name: string, value: string, contentType?: string) => ({
  name,
  value: Buffer.from(value),
  contentType,
});

suite('a request as a handler sees it', () => {
  test('finds its input in the body or in a form', () => {
    assert.equal(localRequest('body').text(), 'body');
    const parameters = [
      part('data', 'first'),
      part('data', 'last', 'text/plain'),
      part('body', 'b'),
    ];
    const request = localRequest('', { parameters });
    assert.equal(request.text(), 'last');
    assert.equal(request.data.contentType, 'text/plain');
    assert.equal(String(request.parameter('body')?.bytes), 'b');
    assert.equal(request.parameter('other'), undefined);
    assert.deepEqual([...(request.parameters?.keys() ?? [])], ['data', 'body']);
    assert.equal(localRequest('').parameters, undefined);
  });

  test('finds headers in any letter case, the last of a name', () => {
    const { headers } = localRequest('', { rawHeaders: ['X-A', '1', 'x-a', '2', 'B', '3'] });
    assert.equal(headers.get('x-A'), '2');
    assert.equal(headers.get('constructor'), undefined);
    assert.deepEqual(
      [...headers.entries()],
      [
        ['x-a', '2'],
        ['b', '3'],
      ],
    );
  });

  test('has an empty path and asks for no explanation unless told', () => {
    const { urlPath, explain } = localRequest('');
    assert.deepEqual([urlPath, explain], ['', false]);
  });

  test('refuses what is no JSON and no text', () => {
    assert.deepEqual(localRequest('{"a": [1]}').json(), { a: [1] });
    assert.throws(() => localRequest('{"a": x}').json(), {
      code: 'INVALID_REQUEST',
      message: /^the input is not JSON: .*"\{"a": x\}"/,
    });
    assert.throws(() => localRequest('').json(), { code: 'INVALID_REQUEST' });
    assert.throws(() => localRequest(Buffer.of(0xff)).text(), {
      code: 'INVALID_REQUEST',
      message: 'the input is not text: its bytes are not UTF-8',
    });
  });
});

suite('a prediction error', () => {
  test('has the status of an error', () => {
    assert.equal(new PredictionError('no').status, 500);
    assert.equal(new PredictionError('no', 418).status, 418);
    for (const status of [200, 399, 600, 404.5, Number.NaN]) {
      assert.throws(() => new PredictionError('no', status), RangeError);
    }
  });
});

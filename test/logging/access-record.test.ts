import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type AccessRecord, accessLine } from '../../src/logging/access-record.js';

const record: AccessRecord = {
  requestId: 'a8f7',
  remote: '127.0.0.1:64003',
  method: 'POST',
  url: '/predictions/resnet-18',
  httpVersion: '1.1',
  status: 200,
  milliseconds: 118,
};

suite('accessLine()', () => {
  test("is TorchServe's", () => {
    assert.equal(
      accessLine(record),
      '/127.0.0.1:64003 "POST /predictions/resnet-18 HTTP/1.1" 200 118',
    );
  });

  test('names clients of a Unix socket as TorchServe does', () => {
    assert.equal(
      accessLine({ ...record, remote: '', method: 'GET', url: '/ping?a=b', status: 404 }),
      '127.0.0.1 "GET /ping?a=b HTTP/1.1" 404 118',
    );
  });

  test('rounds to whole milliseconds', () => {
    assert.match(accessLine({ ...record, milliseconds: 0.49 }), / 200 0$/);
    assert.match(accessLine({ ...record, milliseconds: 1.5 }), / 200 2$/);
  });

  test('holds a hostile request inside its quotes', () => {
    const forged = '/a HTTP/1.1" 200 1\n/10.0.0.1:1 "GET /b';
    assert.equal(
      accessLine({ ...record, url: forged }),
      '/127.0.0.1:64003 "POST /a HTTP/1.1\\" 200 1\\n/10.0.0.1:1 \\"GET /b HTTP/1.1" 200 118',
    );
    const line = /^\/127\.0\.0\.1:64003 ("(?:[^"\\\p{Cc}\u2028\u2029]|\\.)*") 200 118$/u;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (url) => {
        const [, request = ''] = line.exec(accessLine({ ...record, url })) ?? [];
        assert.equal(JSON.parse(request), `POST ${url} HTTP/1.1`);
      }),
    );
  });
});

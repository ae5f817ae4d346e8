import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createRequestId } from '../../src/http/request-id.js';

suite('the id of a request without one', () => {
  const ids = Array.from({ length: 10_000 }, () => createRequestId());

  test('is a UUID of version 4', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (const id of ids) assert.match(id, uuid);
  });

  test('is nobody else’s', () => {
    assert.equal(new Set(ids).size, ids.length);
  });

  test('has every digit in every place that is random', () => {
    for (let place = 0; place < 36; place += 1) {
      const found = new Set(ids.map((id) => id[place])).size;
      const expected = [8, 13, 14, 18, 23].includes(place) ? 1 : place === 19 ? 4 : 16;
      assert.equal(found, expected, `place ${place}`);
    }
  });
});

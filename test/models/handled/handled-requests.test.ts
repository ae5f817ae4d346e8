import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { json } from '../../support/http-client.js';
import { startServer } from '../../support/server.js';
import { handled } from './handled.js';

suite('a handler of the user', () => {
  test('fills the row of its batch and answers JSON', async () => {
    await using server = await startServer([
      handled(
        'double',
        `export class Own extends BaseHandler {
          preprocess(request, context) {
            const { a, b } = request.json();
            context.row().set([a, b]);
          }
          postprocess(outputs, request, context) {
            context.setResponseStatus(201, 'Made');
            context.setResponseHeader('x-own', 'yes');
            return { result: outputs.tensor.at(0), id: request.id.length > 0 };
          }
        }`,
      ),
    ]);
    const version = server.service.version('double');
    assert.equal(version.failure?.message, undefined);
    const reply = await server.client.predict('double', { a: 1, b: 2 });
    assert.deepEqual(
      [reply.status, reply.statusText, reply.headers['x-own']],
      [201, 'Made', 'yes'],
    );
    assert.equal(reply.text, '{\n  "result": [\n    3.0,\n    5.0\n  ],\n  "id": true\n}');
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, i) => server.client.predict('double', { a: i, b: -i })),
    );
    for (const [i, { text }] of replies.entries()) {
      assert.deepEqual(JSON.parse(text).result, [i * 2 + 1, -i * 2 + 1]);
    }
    assert.ok(json(reply));
  });
});

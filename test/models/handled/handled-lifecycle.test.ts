import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until } from '../../support/condition.js';
import { fixture } from '../../support/paths.js';
import { source, startServer, startService } from '../../support/server.js';
import { handled, twoFloats } from './handled.js';

/** Threads of JavaScript in this process, by the names of its open handles. */
function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
}

const slow = `export class Slow extends BaseHandler {
  async preprocess(request, context) {
    const { row, milliseconds } = request.json();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await context.reserve();
    context.row().set(row);
  }
}`;

suite('a version with a handler on threads', () => {
  test('answers what it has admitted before it is unloaded', async () => {
    await using server = await startServer([handled('double', slow)]);
    const replies = Array.from({ length: 40 }, (_, i) =>
      server.client.predict('double', { row: [i, 0], milliseconds: 200 }),
    );
    await until(() => server.service.version('double').pending === 40);
    await server.service.unregister('double');
    for (const [i, { text }] of (await Promise.all(replies)).entries()) {
      assert.equal(JSON.parse(text)[0], i * 2 + 1);
    }
  });

  test('answers what it has admitted when the server stops', async () => {
    await using server = await startServer([handled('double', slow)]);
    const replies = Array.from({ length: 40 }, (_, i) =>
      server.client.predict('double', { row: [i, 0], milliseconds: 200 }),
    );
    await until(() => server.service.version('double').pending === 40);
    const closed = server.service.close();
    for (const [i, { text }] of (await Promise.all(replies)).entries()) {
      assert.equal(JSON.parse(text)[0], i * 2 + 1);
    }
    await closed;
  });

  test('ends a stream with its last chunk before it is unloaded', async () => {
    const code = `export class Streaming extends BaseHandler {
      async *postprocess() {
        for (let i = 0; i < 30; i += 1) {
          yield i + ' ';
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    }`;
    await using server = await startServer([handled('double', code)]);
    const reply = server.client.predict('double', [1, 2]);
    await until(() => server.service.version('double').pending === 1);
    await server.service.unregister('double');
    const numbers = Array.from({ length: 30 }, (_, i) => `${i} `);
    assert.equal((await reply).text, numbers.join(''));
  });

  test('leaves no thread behind', async () => {
    const before = threads();
    for (let i = 0; i < 3; i += 1) {
      const service = startService([handled('double', slow)], { handlerThreads: 3 });
      await service.version('double').loaded;
      assert.ok(threads() > before);
      await service.close();
    }
    await until(() => threads() <= before);
  });

  test('takes as many requests as wait and are worked on, and refuses more', async () => {
    const config = { ...twoFloats, jobQueueSize: 4, batchSize: 8 };
    await using server = await startServer([handled('double', slow, { config })], {
      handlerThreads: 1,
    });
    const version = server.service.version('double');
    const body = { row: [1, 1], milliseconds: 300 };
    const first = Array.from({ length: 16 }, () => server.client.predict('double', body));
    await until(() => version.pending === 16);
    const queued = Array.from({ length: 4 }, () => server.client.predict('double', body));
    await until(() => version.pending === 20);
    const refused = await server.client.predict('double', body);
    assert.equal(refused.status, 503);
    for (const { status } of await Promise.all([...first, ...queued])) assert.equal(status, 200);
  });

  test('does not disturb a model beside it', async () => {
    await using server = await startServer(
      [
        handled(
          'double',
          'export class Stuck extends BaseHandler { preprocess() { for (;;) {} } }',
          {
            config: { ...twoFloats, responseTimeout: 1 },
          },
        ),
        source('beside', { path: fixture('double') }),
      ],
      { handlerThreads: 1 },
    );
    const stuck = server.client.predict('double', {});
    assert.equal((await server.client.predict('beside', [1, 2])).status, 200);
    assert.equal((await stuck).status, 504);
  });
});

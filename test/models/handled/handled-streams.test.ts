import assert from 'node:assert/strict';
import { request } from 'node:http';
import { suite, test } from 'node:test';
import { until } from '../../support/condition.js';
import { startServer, type TestServer } from '../../support/server.js';
import { handled, twoFloats } from './handled.js';

const streaming = `
let state = 'nothing';
export class Streaming extends BaseHandler {
  preprocess(request, context) {
    if (request.json().state) throw new PredictionError(state, 400);
    context.row().set([1, 2]);
  }
  async *postprocess(outputs, request, context) {
    const { chunks, fail, never, size } = request.json();
    context.setResponseContentType('text/plain');
    try {
      for (let i = 0; i < chunks; i += 1) {
        state = 'chunk ' + i;
        if (i === fail) throw new Error('broke at ' + i);
        if (i === never) await new Promise(() => {});
        yield size ? Buffer.alloc(size, 97) : 'chunk ' + i + ' of ' + outputs.tensor.value(0, 0) + '\\n';
        await new Promise((resolve) => setImmediate(resolve));
      }
      state = 'ended';
    } finally {
      if (state !== 'ended') state = context.signal.aborted ? 'cancelled' : 'broken';
    }
  }
}`;

async function stateOf(server: TestServer): Promise<string> {
  const { text } = await server.client.predict('double', { state: true });
  return JSON.parse(text).message;
}

/** Waits for a state of the handler. */
async function becomes(server: TestServer, state: RegExp): Promise<void> {
  while (!state.test(await stateOf(server)));
}

suite('a reply that a handler yields in chunks', () => {
  test('arrives in their order, with the head of the handler', async () => {
    await using server = await startServer([handled('double', streaming)]);
    const { status, headers, text } = await server.client.predict('double', { chunks: 50 });
    assert.deepEqual([status, headers['content-type']], [200, 'text/plain']);
    const lines = Array.from({ length: 50 }, (_, i) => `chunk ${i} of 3\n`);
    assert.equal(text, lines.join(''));
    assert.equal(await stateOf(server), 'ended');
    assert.equal(server.service.version('double').pending, 0);
  });

  test('may have no chunk', async () => {
    await using server = await startServer([handled('double', streaming)]);
    const { status, text } = await server.client.predict('double', { chunks: 0 });
    assert.deepEqual([status, text], [200, '']);
  });

  test('is an error like any other when it fails before the first', async () => {
    await using server = await startServer([handled('double', streaming)]);
    const { status, text } = await server.client.predict('double', { chunks: 1, fail: 0 });
    assert.deepEqual(
      [status, JSON.parse(text)],
      [
        503,
        {
          code: 503,
          type: 'InternalServerException',
          message: 'Prediction failed',
          reason: 'broke at 0',
        },
      ],
    );
  });

  test('breaks off when it fails later', async () => {
    await using server = await startServer([handled('double', streaming)]);
    await assert.rejects(server.client.predict('double', { chunks: 9, fail: 3 }));
    await until(() => server.service.version('double').pending === 0);
  });

  test('breaks off when a chunk takes longer than responseTimeout', async () => {
    const config = { ...twoFloats, responseTimeout: 0.3 };
    await using server = await startServer([handled('double', streaming, { config })]);
    await assert.rejects(server.client.predict('double', { chunks: 9, never: 3 }));
    await until(() => server.service.version('double').pending === 0);
    assert.equal(await stateOf(server), 'chunk 3');
  });

  test('ends in the handler when the client hangs up', async () => {
    await using server = await startServer([handled('double', streaming)]);
    await new Promise<void>((resolve, reject) => {
      const sent = request(
        `${server.addresses.inference}/predictions/double`,
        { method: 'POST' },
        (response) => {
          response.once('data', () => {
            response.destroy();
            resolve();
          });
        },
      );
      sent.on('error', reject);
      sent.end(JSON.stringify({ chunks: 1e9 }));
    });
    await until(() => server.service.version('double').pending === 0);
    await becomes(server, /^cancelled$/);
  });

  test('is made no faster than it is read', async () => {
    await using server = await startServer([handled('double', streaming)]);
    const size = 1024 * 1024;
    await new Promise<void>((resolve, reject) => {
      const sent = request(
        `${server.addresses.inference}/predictions/double`,
        { method: 'POST' },
        (response) => {
          response.pause();
          const look = async (): Promise<void> => {
            // It stands still before the thousandth.
            let before = '';
            for (let same = 0; same < 20; same += 1) {
              const now = await stateOf(server);
              if (now !== before) same = 0;
              before = now;
            }
            response.destroy();
            const [, made] = /^chunk (\d+)$/.exec(before) ?? [];
            assert.ok(Number(made) < 100, before);
          };
          look().then(resolve, reject);
        },
      );
      sent.on('error', () => {});
      sent.end(JSON.stringify({ chunks: 1000, size }));
    });
  });
});

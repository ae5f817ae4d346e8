import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { requestTimeout } from '../../src/http/request-timeout.js';
import { handled } from '../models/handled/handled.js';
import { until } from '../support/condition.js';
import { type HttpReply, json } from '../support/http-client.js';
import { metricValue, source, startServer } from '../support/server.js';

/** Matrix products that keep slow.pt busy for far longer than a request takes. */
const long = 100_000;

const oneByOne = { batchSize: 1 };

const server = await startServer([
  source('double'),
  source('slow', {
    name: 'kserve',
    envelope: 'kservev2',
    config: { ...oneByOne, inputs: [{ name: 'x', dtype: 'float32', shape: [2] }] },
  }),
  source('slow', { name: 'running', config: oneByOne }),
  source('slow', { name: 'waiting', config: oneByOne }),
  source('slow', { name: 'known', config: oneByOne }),
  handled(
    'double',
    `export class Hanging extends BaseHandler {
      async preprocess(request, context) {
        await new Promise(() => {});
      }
    }`,
    { name: 'hanging' },
  ),
]);
const { client } = server;
after(() => server.close());

function within(milliseconds: number | string): { headers: Record<string, string> } {
  return { headers: { 'x-request-timeout-ms': String(milliseconds) } };
}

function message(reply: HttpReply): unknown {
  const value = json(reply);
  assert.ok(typeof value === 'object' && value !== null && 'message' in value, reply.text);
  return value.message;
}

suite('x-request-timeout-ms', () => {
  for (const value of [60_000, 1500.5, '00100000', 1e14]) {
    test(`of ${value} leaves a request that is quicker alone`, async () => {
      const reply = await client.predict('double', [1, 2], within(value));
      assert.deepEqual([reply.status, json(reply)], [200, [3, 5]]);
    });
  }

  for (const value of ['', '0', '0.0', '-5', '1e3', '0x10', 'soon', '10ms', '10, 20', 'Infinity']) {
    test(`${JSON.stringify(value)} is refused by its name`, async () => {
      const reply = await client.predict('double', [1, 2], within(value));
      assert.deepEqual(
        [reply.status, message(reply)],
        [
          400,
          `the header x-request-timeout-ms must be a number of milliseconds above 0, and is ${JSON.stringify(value)}`,
        ],
      );
    });
  }

  test('given twice is refused', async () => {
    assert.throws(() => requestTimeout(['1', '2']), /and is "1,2"/);
  });

  test('whatever it holds is a positive number or refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const timeout = requestTimeout(text);
          assert.ok(timeout !== undefined && timeout > 0 && Number.isFinite(timeout));
        } catch (error) {
          assert.ok(error instanceof Error && /^the header x-request/.test(error.message));
        }
      }),
    );
  });
});

suite('a request whose own time is over', () => {
  test('while it runs is answered then, and the model serves on', async () => {
    const reply = await client.predict('running', [long, 1], within(40));
    assert.deepEqual(
      [reply.status, message(reply)],
      [504, 'Model "running" Version 1.0 did not answer within the 40 ms that the request allows.'],
    );
    assert.deepEqual(json(await client.predict('running', [0, 2])), [0, 2]);
    assert.equal(
      await metricValue(server, 'sconce_request_errors_total', {
        model_name: 'running',
        code: 'REQUEST_TIMEOUT',
      }),
      1,
    );
  });

  test('while it waits is answered then, and its rows are not run', async () => {
    const version = server.service.version('waiting');
    const first = client.predict('waiting', [long, 1]);
    await until(() => version.pending === 1 && version.queued === 0);
    const late = await client.predict('waiting', [long, 2], within(30));
    assert.equal(late.status, 504);
    assert.equal(version.pending, 1, 'the first still runs');
    assert.deepEqual(json(await first), [long, 1]);
    assert.deepEqual(json(await client.predict('waiting', [0, 3])), [0, 3]);
    const labels = { model_name: 'waiting' };
    assert.equal(await metricValue(server, 'sconce_batch_rows_sum', labels), 2);
  });

  test('is not taken on when batches are known to take longer', async () => {
    const work = 20_000;
    for (let i = 0; i < 8; i += 1) {
      assert.equal((await client.predict('known', [work, i])).status, 200);
    }
    const refused = await client.predict('known', [work, 9], within(1.5));
    assert.equal(refused.status, 504);
    assert.match(
      String(message(refused)),
      /^Model "known" Version 1\.0 cannot answer within the 2 ms that the request allows: a row takes about \d+ ms, after about 0 ms of what comes before\.$/,
    );
    assert.equal(server.service.version('known').pending, 0);
    assert.equal((await client.predict('known', [0, 1], within(60_000))).status, 200);
  });

  test('while the code of its handler hangs is answered then', async () => {
    const reply = await client.predict('hanging', [1, 2], within(40));
    assert.deepEqual(
      [reply.status, message(reply)],
      [504, 'Model "hanging" Version 1.0 did not answer within the 40 ms that the request allows.'],
    );
  });
});

suite('parameters.timeout of kservev2', () => {
  const infer = (work: number, parameters: unknown): Promise<HttpReply> =>
    client.send('/v2/models/kserve/infer', {
      inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [work, 1] }],
      parameters,
    });

  for (const parameters of [
    { timeout: 6e7 },
    { timeout: 0 },
    { timeout: null },
    {},
    { priority: 1 },
    null,
    'none',
  ]) {
    test(`${JSON.stringify(parameters)} leaves a request that is quicker alone`, async () => {
      const reply = await infer(0, parameters);
      assert.equal(reply.status, 200, reply.text);
    });
  }

  test('is the time of the request in microseconds', async () => {
    const reply = await infer(long, { timeout: 40_000 });
    assert.deepEqual(
      [reply.status, message(reply)],
      [504, 'Model "kserve" Version 1.0 did not answer within the 40 ms that the request allows.'],
    );
  });

  for (const [timeout, found] of [
    ['soon', 'text'],
    [[1], 'an array'],
    [-1, '-1'],
  ] as const) {
    test(`${JSON.stringify(timeout)} is refused by its name`, async () => {
      const reply = await infer(0, { timeout });
      assert.deepEqual(
        [reply.status, message(reply)],
        [400, `parameters.timeout: expected a number of microseconds, found ${found}`],
      );
    });
  }
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { until } from '../support/condition.js';
import { HttpClient, json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { metricValue, source, startServer } from '../support/server.js';

const httpThreads = 2;

suite('requests over several threads', () => {
  test('are each answered once and counted once, whoever hangs up', async () => {
    await using server = await startServer([source('double'), source('throws')], { httpThreads });
    const url = server.addresses.inference;
    let sent = 0;
    const client = fc.record({
      requests: fc.integer({ min: 1, max: 6 }),
      hangsUpAfter: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      reset: fc.boolean(),
      model: fc.constantFrom('double', 'throws', 'nobody'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(client, { minLength: 1, maxLength: 12 }), async (clients) => {
        await Promise.all(
          clients.map(async ({ requests, hangsUpAfter = requests, reset, model }) => {
            const connection = await RawConnection.open(url);
            const pipelined = Array.from({ length: requests }, (_, i) =>
              rawRequest(`/predictions/${model}`, model === 'throws' ? '[[-1]]' : `[${i}]`),
            );
            connection.send(pipelined.join(''));
            for (let i = 0; i < Math.min(hangsUpAfter, requests); i += 1) {
              if (model !== 'double') {
                await connection.closed();
                break;
              }
              assert.deepEqual(JSON.parse((await connection.reply()).body), [2 * i + 1]);
            }
            if (reset) connection.reset();
            else connection.destroy();
          }),
        );
        const others = new HttpClient(url);
        assert.deepEqual(json(await others.predict('double', [7])), [15]);
        sent += 1;
        others.close();
      }),
      { numRuns: 25 },
    );
    assert.ok(sent > 0);
    // What was cancelled is gone as well.
    await until(() => server.service.all.every(({ pending }) => pending === 0));
    const labels = { model_name: 'double' };
    const [requests, answered, failed] = await Promise.all([
      metricValue(server, 'sconce_requests_total', labels),
      metricValue(server, 'sconce_request_duration_seconds_count', labels),
      metricValue(server, 'sconce_request_errors_total', labels),
    ]);
    assert.equal(requests, answered + failed);
  });

  test('are answered when the server stops under load', async () => {
    const server = await startServer([source('double')], { httpThreads });
    const client = new HttpClient(server.addresses.inference);
    await client.predict('double', [1]);
    const replies = Array.from({ length: 200 }, (_, i) =>
      client.predict('double', [i]).then(
        (reply) => ({ status: reply.status, text: reply.text, i }),
        // Not accepted any more, or closed before anything of it was read.
        () => undefined,
      ),
    );
    await Promise.race(replies);
    await server.close();
    const answers = (await Promise.all(replies)).filter((reply) => reply !== undefined);
    assert.ok(answers.some(({ status }) => status === 200));
    for (const { status, text, i } of answers) {
      if (status === 200) assert.deepEqual(JSON.parse(text), [2 * i + 1]);
      else assert.equal(status, 503);
    }
    client.close();
  });
});

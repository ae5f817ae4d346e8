import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BodyBudget } from '../../src/http/body-budget.js';
import { respond } from '../../src/http/response.js';
import { until } from '../support/condition.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { bareApp } from './bare-app.js';

suite('the memory for bodies that are being read', () => {
  test('is a gibibyte, or enough for 64 of the largest', () => {
    assert.equal(BodyBudget.forBodiesOf(6_553_500).limit, 1024 ** 3);
    assert.equal(BodyBudget.forBodiesOf(1024 ** 3).limit, 64 * 1024 ** 3);
  });

  test('refuses what would go beyond it, and is given back when bodies end or break off', async () => {
    const budget = new BodyBudget(100);
    const app = bareApp([], 80, budget);
    app.post('/', (_request, reply) => {
      respond(reply, { status: 200, headers: [], body: '' });
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });

    const begun = rawRequest('/', 'x'.repeat(80)).slice(0, -20);
    const slow = await RawConnection.open(url);
    slow.send(begun);
    await until(() => budget.used === 60);

    const refused = await RawConnection.open(url);
    refused.send(rawRequest('/', 'y'.repeat(50)));
    const reply = await refused.reply();
    assert.equal(reply.status, 503);
    assert.equal(reply.headers.get('retry-after'), '1');
    assert.match(reply.body, /take all of their 100 bytes/);
    assert.equal(budget.used, 60);

    slow.send('x'.repeat(20));
    assert.equal((await slow.reply()).status, 200);
    assert.equal(budget.used, 0);

    slow.send(begun);
    await until(() => budget.used === 60);
    slow.destroy();
    await until(() => budget.used === 0);
    refused.destroy();
    await app.close();
  });
});

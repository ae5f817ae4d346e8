import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import type { Query } from '../../src/http/query.js';
import { readRegistration } from '../../src/http/register-request.js';
import { sendJson } from '../../src/http/response.js';
import { HttpClient, type HttpReply, json } from '../support/http-client.js';
import { bareApp } from './bare-app.js';

const app = bareApp([], 1000);
app.post('/', (request: FastifyRequest<{ Querystring: Query }>, reply) => {
  sendJson(reply, 200, readRegistration(request));
});
const client = new HttpClient(await app.listen({ port: 0, host: '127.0.0.1' }));
after(async () => {
  client.close();
  await app.close();
});

async function read(query: string, body?: unknown, type = 'application/json'): Promise<unknown> {
  const headers = body === undefined ? {} : { 'content-type': type };
  const reply: HttpReply = await client.send(`/?${query}`, body, { headers });
  const answer = Object(json(reply));
  return reply.status === 200 ? answer : answer.message;
}

suite('a registration', () => {
  test('needs a url', async () => {
    assert.equal(await read('model_name=x'), 'Parameter url is required.');
    assert.equal(await read('url=x', { model_name: 'x' }), 'Parameter url is required.');
    assert.equal(await read('', { url: null }), 'Parameter url is required.');
  });

  test('of a query takes the first of several, and passes over what is no number', async () => {
    assert.deepEqual(await read('url=a&url=b&batch_size=x&initial_workers=2&synchronous=False'), {
      request: { url: 'a', initialWorkers: 2 },
      synchronous: false,
    });
  });

  test('takes a text that is empty for none, but for the url', async () => {
    assert.deepEqual(await read('url=&model_name=&handler=&runtime='), {
      request: { url: '' },
      synchronous: true,
    });
  });

  test('of a JSON body passes over the query', async () => {
    const types = ['application/json', 'Application/JSON; charset=x'];
    for (const type of types) {
      assert.deepEqual(await read('url=a&batch_size=3', { url: 'b', handler: 5 }, type), {
        request: { url: 'b', handler: '5' },
        synchronous: true,
      });
    }
  });

  test('of another type is read from the query', async () => {
    for (const type of ['text/plain', 'application/json5', 'application/x-www-form-urlencoded']) {
      assert.deepEqual(await read('url=a', { url: 'b' }, type), {
        request: { url: 'a' },
        synchronous: true,
      });
    }
  });

  const refused: [object, string][] = [
    [{ url: ['a'] }, 'url must be one value, not a list.'],
    [{ url: {} }, 'url must be one value, not an object.'],
    [{ url: 'a', model_name: { toString: 1 } }, 'model_name must be one value, not an object.'],
    [{ url: 'a', synchronous: [true] }, 'synchronous must be one value, not a list.'],
    [{ url: 'a', batch_size: 'x' }, 'batch_size must be an integer of 32 bits.'],
    [{ url: 'a', batch_size: 1.5 }, 'batch_size must be an integer of 32 bits.'],
    [{ url: 'a', batch_size: {} }, 'batch_size must be an integer of 32 bits.'],
    [{ url: 'a', initial_workers: 2 ** 31 }, 'initial_workers must be an integer of 32 bits.'],
  ];
  for (const [body, message] of refused) {
    test(`is refused: ${JSON.stringify(body)}`, async () => {
      assert.equal(await read('', body), message);
    });
  }

  test('may hold what is not known', async () => {
    const body = '{"url": "a", "__proto__": {"handler": "x"}, "constructor": [], "more": {}}';
    assert.deepEqual(await read('', body), { request: { url: 'a' }, synchronous: true });
  });
});

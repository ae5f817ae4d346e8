import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { SconceError } from '../../src/errors.js';
import { corsHeaders } from '../../src/http/cors.js';
import { respond, sendJson } from '../../src/http/response.js';
import { RawConnection, type RawReply, rawRequest } from '../support/raw-connection.js';
import { bareApp } from './bare-app.js';

const settings = {
  corsAllowedOrigin: 'https://example.org',
  corsAllowedMethods: 'GET, POST, PUT, OPTIONS',
  corsAllowedHeaders: 'X-Custom-Header',
};

const names = [
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
];

suite('corsHeaders()', () => {
  test('gives the headers of the settings', () => {
    assert.deepEqual(corsHeaders(settings), [
      ['access-control-allow-origin', 'https://example.org'],
      ['access-control-allow-methods', 'GET, POST, PUT, OPTIONS'],
      ['access-control-allow-headers', 'X-Custom-Header'],
    ]);
  });

  test('gives none for what is not set, or empty', () => {
    assert.deepEqual(corsHeaders({}), []);
    assert.deepEqual(corsHeaders({ corsAllowedOrigin: '*', corsAllowedMethods: '' }), [
      ['access-control-allow-origin', '*'],
    ]);
  });

  for (const value of ['a\r\nset-cookie: x', 'a\nb', 'a\0b', '→']) {
    test(`refuses ${JSON.stringify(value)}`, () => {
      assert.throws(() => corsHeaders({ corsAllowedHeaders: value }), {
        code: 'INVALID_CONFIGURATION',
        message: `cors_allowed_headers ${JSON.stringify(value)} holds a character that no HTTP header may hold`,
      });
    });
  }
});

/** A listener with one route for each way in which a response is written. */
async function listen(
  given: typeof settings | object,
): Promise<{ app: FastifyInstance; url: string }> {
  const app = bareApp(corsHeaders(given));
  app.addHook('onRequest', (request, _reply, done) => {
    done(request.url === '/refused' ? new SconceError('TOKEN_REFUSED') : undefined);
  });
  app.all('/json', (_request, reply) => sendJson(reply, 200, {}));
  app.all('/own', (_request, reply) => {
    respond(reply, { status: 200, headers: ['Access-Control-Allow-Origin', 'own'], body: '' });
  });
  return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }) };
}

async function ask(url: string, request: string): Promise<RawReply> {
  const connection = await RawConnection.open(url);
  connection.send(request);
  const reply = await connection.reply();
  connection.destroy();
  return reply;
}

suite('every response', () => {
  const requests: [string, string, number][] = [
    ['a reply', rawRequest('/json'), 200],
    ['an answer to OPTIONS', rawRequest('/json', '', { method: 'OPTIONS' }), 200],
    ['a path that leads nowhere', rawRequest('/nowhere'), 404],
    ['a refusal by a later hook', rawRequest('/refused'), 400],
    ['a body that is too large', rawRequest('/json', 'x'.repeat(11)), 413],
  ];
  for (const [what, request, status] of requests) {
    test(`has the headers: ${what}`, async () => {
      const { app, url } = await listen(settings);
      const reply = await ask(url, request);
      assert.equal(reply.status, status);
      assert.deepEqual(
        names.map((name) => reply.headers.get(name)),
        Object.values(settings),
      );
      await app.close();
    });

    test(`has none when none is set: ${what}`, async () => {
      const { app, url } = await listen({});
      const reply = await ask(url, request);
      assert.deepEqual(
        [reply.status, names.filter((name) => reply.headers.has(name))],
        [status, []],
      );
      await app.close();
    });
  }

  test('keeps what its handler says, once', async () => {
    const { app, url } = await listen(settings);
    const connection = await RawConnection.open(url);
    connection.send(rawRequest('/own', '', { headers: ['Connection: close'] }));
    const text = await connection.closed();
    assert.deepEqual(text.match(/^access-control-allow-.*$/gim)?.sort(), [
      'Access-Control-Allow-Origin: own',
      'access-control-allow-headers: X-Custom-Header',
      'access-control-allow-methods: GET, POST, PUT, OPTIONS',
    ]);
    await app.close();
  });
});

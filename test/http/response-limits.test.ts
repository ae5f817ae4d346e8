import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { source, startServer } from '../support/server.js';
import { startEchoServer } from './echo-server.js';

const asJson = { headers: { 'content-type': 'application/json' } };

suite('maxResponseSize', () => {
  test('lets a reply of exactly that size through', async () => {
    await using server = await startEchoServer({ maxResponseSize: 1000 });
    const reply = await server.client.predict('echo', { big: 1000 }, asJson);
    assert.deepEqual([reply.status, reply.body.length], [200, 1000]);
  });

  for (const [what, body] of [
    ['text', { big: 1001 }],
    ['bytes', { bytes: Array(1001).fill(1) }],
  ] as const) {
    test(`refuses ${what} beyond it and serves on`, async () => {
      await using server = await startEchoServer({ maxResponseSize: 1000 });
      const reply = await server.client.predict('echo', body, asJson);
      assert.deepEqual(
        [reply.status, json(reply)],
        [
          500,
          {
            code: 500,
            type: 'InternalServerException',
            message:
              "Message size exceed limit: 1000\nConsider increasing the 'max_response_size' in 'config.properties' to fix.",
          },
        ],
      );
      assert.equal((await server.client.predict('echo', { big: 10 }, asJson)).status, 200);
      assert.equal(server.service.version('echo').pending, 0);
    });
  }

  test('gives back the memory of replies that it refuses', async () => {
    await using server = await startServer([source('double')], { maxResponseSize: 1000 });
    const rows = Array.from({ length: 30 }, (_, i) => Array(1000).fill(i));
    const accept = { headers: { accept: 'application/octet-stream' } };
    for (let i = 0; i < 50; i += 1) {
      assert.equal((await server.client.predict('double', rows, accept)).status, 500);
    }
    assert.deepEqual(json(await server.client.predict('double', [1])), [3]);
  });
});

suite('the status of a handler', () => {
  test('is the status of the reply, with its reason phrase and headers', async () => {
    await using server = await startEchoServer();
    const reply = await server.client.predict('echo', { status: 418, phrase: 'Teapot' }, asJson);
    assert.deepEqual(
      [reply.status, reply.statusText, reply.text, reply.headers.foo],
      [418, 'Teapot', 'custom', 'bar'],
    );
  });

  for (const [what, command] of [
    ['a status that is none', { status: 99 }],
    ['a status that is too large', { status: 1000 }],
    ['a status that is no number', { status: 'x' }],
    ['a phrase that ends the line', { status: 200, phrase: 'a\r\nset-cookie: b' }],
    ['a phrase that no header can hold', { status: 200, phrase: '→' }],
  ] as const) {
    test(`is refused: ${what}`, async () => {
      await using server = await startEchoServer();
      const reply = await server.client.predict('echo', command, asJson);
      assert.equal(reply.status, 503);
      assert.match(Object(json(reply)).message, /^Invalid model predict output: /);
      assert.equal(reply.headers['set-cookie'], undefined);
      assert.equal((await server.client.predict('echo', { big: 1 }, asJson)).status, 200);
    });
  }
});

suite('closeConnectionOnError', () => {
  const errors: [string, string, number][] = [
    ['a bad request', rawRequest('/predictions/double', 'no'), 400],
    ['an unknown model', rawRequest('/predictions/nope', '[1]'), 404],
    ['a path that leads nowhere', rawRequest('/nowhere'), 404],
    ['a body that is too large', rawRequest('/predictions/double', 'x'.repeat(2001)), 413],
    ['a failing model', rawRequest('/predictions/throws', '[-1]'), 503],
  ];
  for (const [what, request, status] of errors) {
    test(`off: the connection goes on after ${what}`, async () => {
      await using server = await startServer([source('double'), source('throws')], {
        closeConnectionOnError: false,
        maxRequestSize: 2000,
      });
      const connection = await RawConnection.open(server.addresses.inference);
      connection.send(request);
      const reply = await connection.reply();
      assert.deepEqual([reply.status, reply.headers.get('connection')], [status, 'keep-alive']);
      connection.send(rawRequest('/predictions/double', '[1]'));
      assert.equal((await connection.reply()).status, 200);
      connection.destroy();
    });
  }
});

suite('a body beyond maxRequestSize', () => {
  const size = 5_000_000;
  const body = 'x'.repeat(size);
  const ways: [string, string, string][] = [
    ['with its length', `Content-Length: ${size}`, body],
    ['in chunks', 'Transfer-Encoding: chunked', `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
  ];
  for (const [how, header, bytes] of ways) {
    test(`is answered 413 to a client that sends all of it first, ${how}`, async () => {
      await using server = await startServer([], { maxRequestSize: 1000 });
      for (let i = 0; i < 10; i += 1) {
        const connection = await RawConnection.open(server.addresses.inference);
        connection.send(`POST /predictions/x HTTP/1.1\r\nHost: t\r\n${header}\r\n\r\n${bytes}`);
        assert.equal((await connection.reply()).status, 413);
        assert.equal(await connection.closed(), '');
      }
    });
  }

  test('is not waited for longer than a second', async () => {
    await using server = await startServer([], { maxRequestSize: 1000 });
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send(`POST /predictions/x HTTP/1.1\r\nHost: t\r\nContent-Length: ${size}\r\n\r\n`);
    assert.equal((await connection.reply()).status, 413);
    const start = performance.now();
    assert.equal(await connection.closed(), '');
    assert.ok(performance.now() - start > 500);
    connection.destroy();
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type Endpoint, exchange, requestBytes } from './exchange.js';

/** A server that answers everything with these pieces, and then ends when `ends`. */
async function serverOf(t: TestContext, pieces: string[], ends = false): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
      if (ends) socket.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { host: '127.0.0.1', port: address.port };
}

const get = { method: 'GET', path: '/' };

describe('one exchange over the wire', () => {
  it('sends the bytes of a request as they are given', () => {
    const request = { method: 'POST', path: '/a?b', headers: [['X-a', '1']] as const, body: 'é' };
    assert.equal(
      requestBytes(request).toString(),
      'POST /a?b HTTP/1.1\r\nHost: localhost\r\nX-a: 1\r\nContent-Length: 2\r\n\r\né',
    );
    assert.equal(
      requestBytes({ ...get, headers: [['hOST', 'x']] }).toString(),
      'GET / HTTP/1.1\r\nhOST: x\r\n\r\n',
    );
    assert.equal(requestBytes({ ...get, raw: 'x\r\n' }).toString(), 'x\r\n');
  });

  it('keeps the order and the letter case of headers, and an empty reason phrase', async (t) => {
    const reply = 'HTTP/1.1 200 \r\nB: 1\r\na:2\r\ncontent-length: 2\r\n\r\nok';
    const { statusLine, headers, body, closed } = await exchange(await serverOf(t, [reply]), get);
    assert.equal(statusLine, 'HTTP/1.1 200 ');
    assert.deepEqual(headers, [
      ['B', '1'],
      ['a', '2'],
      ['content-length', '2'],
    ]);
    assert.equal(body.toString(), 'ok');
    assert.equal(closed, false);
  });

  it('passes over 100 Continue', async (t) => {
    const pieces = ['HTTP/1.1 100 Continue\r\n\r\nHTT', 'P/1.1 204 x\r\ncontent-length: 0\r\n\r\n'];
    const { statusLine } = await exchange(await serverOf(t, pieces), get);
    assert.equal(statusLine, 'HTTP/1.1 204 x');
  });

  it('waits for the end of a connection that is announced', async (t) => {
    const reply = 'HTTP/1.1 404 x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx';
    const { body, closed } = await exchange(await serverOf(t, [reply], true), get);
    assert.equal(body.toString(), 'x');
    assert.equal(closed, true);
  });

  it('reads a chunked reply to its last chunk', async (t) => {
    const pieces = ['HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab', '\r\n0\r\n\r\n'];
    const { body } = await exchange(await serverOf(t, pieces), get);
    assert.equal(body.toString(), '2\r\nab\r\n0\r\n\r\n');
  });

  it('expects no body behind the head that answers HEAD', async (t) => {
    const reply = 'HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\n';
    const { body } = await exchange(await serverOf(t, [reply]), { method: 'HEAD', path: '/' });
    assert.equal(body.length, 0);
  });

  it('fails when the connection ends within a reply', async (t) => {
    const endpoint = await serverOf(t, ['HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\nab'], true);
    await assert.rejects(exchange(endpoint, get), /^Error: the connection closed after "HTTP/);
  });
});

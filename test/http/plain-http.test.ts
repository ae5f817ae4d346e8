import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import { after, before, suite, test } from 'node:test';
import { answerPlainHttp } from '../../src/http/plain-http.js';
import { loadTls } from '../../src/security/tls.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';

let server: Server;
let port: number;

before(async () => {
  const { options } = await loadTls({ keystorePass: '', keystoreType: 'PKCS12' });
  server = createServer(options, (_request, response) => response.end('secure'));
  answerPlainHttp(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  port = address.port;
});

after(async () => {
  server.close();
  await once(server, 'close');
});

function connect(): Promise<RawConnection> {
  return RawConnection.open(`http://127.0.0.1:${port}`);
}

/** The status of a request as it should be made. */
async function secureStatus(): Promise<number | undefined> {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, agent: false };
  const [response] = await once(request(options).end(), 'response');
  response.resume();
  return response.statusCode;
}

suite('an HTTPS port', () => {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD']) {
    test(`answers 403 to a plain ${method}, and closes`, async () => {
      const connection = await connect();
      connection.send(rawRequest('/predictions/x', '', { method }));
      const reply = await connection.reply();
      assert.equal(reply.statusLine, 'HTTP/1.1 403 Forbidden');
      assert.equal(
        reply.body,
        '{\n  "status": "This TorchServe instance only accepts HTTPS requests"\n}\n',
      );
      assert.equal(reply.headers.get('content-type'), 'application/json');
      assert.equal(reply.headers.get('connection'), 'close');
      assert.ok(reply.headers.has('x-request-id'));
      assert.equal(await connection.closed(), '');
    });
  }

  test('answers several at once, each on its connection', async () => {
    const connections = await Promise.all(Array.from({ length: 20 }, connect));
    for (const connection of connections) connection.send(rawRequest('/'));
    for (const connection of connections) assert.equal((await connection.reply()).status, 403);
    for (const connection of connections) assert.equal(await connection.closed(), '');
  });

  test('says nothing to a client that hangs up in the handshake', async () => {
    const connection = await connect();
    connection.send('\x16\x03\x01');
    connection.reset();
    assert.equal(await connection.closed(), '');
  });

  test('closes the connection of a client that speaks neither', async () => {
    const connection = await connect();
    connection.send('\x16\x03\x01\x00\x05hello');
    assert.doesNotMatch(await connection.closed(), /HTTP/);
  });

  test('serves HTTPS before, between and behind', async () => {
    assert.equal(await secureStatus(), 200);
    const connection = await connect();
    connection.send(rawRequest('/'));
    assert.equal((await connection.reply()).status, 403);
    assert.equal(await secureStatus(), 200);
  });
});

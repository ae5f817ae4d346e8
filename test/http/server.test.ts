import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { until } from '../support/condition.js';
import { HttpClient, json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { source, startServer } from '../support/server.js';

/** Matrix products that keep slow.pt busy for far longer than a request takes. */
const long = 100_000;

suite('listen()', () => {
  test('gives three different ports', async () => {
    await using server = await startServer([]);
    const { inference, management, metrics } = server.addresses;
    assert.equal(new Set([inference, management, metrics]).size, 3);
    for (const url of [inference, management, metrics ?? '']) {
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    }
  });

  for (const [host, shown] of [
    ['0.0.0.0', 'localhost'],
    ['localhost', 'localhost'],
  ] as const) {
    test(`on ${host} shows a URL that can be opened`, async () => {
      await using server = await startServer([], { managementAddress: `http://${host}:0` });
      assert.equal(new URL(server.addresses.management).hostname, shown);
      const client = new HttpClient(server.addresses.management);
      assert.equal((await client.get('/models')).status, 200);
      client.close();
    });
  }

  for (const setting of ['inferenceAddress', 'managementAddress', 'metricsAddress'] as const) {
    test(`names ${setting} when its port is taken, and leaves no port open`, async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const address = other.address();
      assert.ok(typeof address === 'object' && address !== null);
      const taken = `http://127.0.0.1:${address.port}`;
      await assert.rejects(startServer([], { [setting]: taken }), (error) => {
        assert.ok(error instanceof SconceError);
        assert.equal(error.code, 'INVALID_CONFIGURATION');
        assert.match(
          error.message,
          new RegExp(`^Invalid configuration: ${setting} ${taken} cannot be opened: .*EADDRINUSE`),
        );
        return true;
      });
      other.close();
      await once(other, 'close');
    });
  }
});

suite('close()', () => {
  test('answers what is in flight, and closes those connections', async () => {
    const server = await startServer([source('slow', { config: { batchSize: 1 } })]);
    const version = server.service.version('slow');
    const connections = await Promise.all(
      [1, 2, 3].map(async (i) => {
        const connection = await RawConnection.open(server.addresses.inference);
        connection.send(rawRequest('/predictions/slow', `[${long / i}, ${i}]`));
        return connection;
      }),
    );
    await until(() => version.pending === 3);
    const closed = server.close();
    for (const [i, connection] of connections.entries()) {
      const reply = await connection.reply();
      assert.deepEqual([reply.status, JSON.parse(reply.body)[1]], [200, i + 1]);
      assert.equal(reply.headers.get('connection'), 'close');
      assert.equal(await connection.closed(), '');
    }
    await closed;
  });

  test('refuses new requests on open connections, and new connections', async () => {
    const server = await startServer([source('slow')]);
    const kept = await RawConnection.open(server.addresses.inference);
    kept.send(rawRequest('/predictions/slow', `[${long}, 1]`));
    await until(() => server.service.version('slow').pending === 1);
    const closed = server.close();
    kept.send(rawRequest('/predictions/slow', '[0, 2]'));
    assert.equal((await kept.reply()).status, 200);
    // The answer was the last of its connection; the request behind it was never run.
    assert.equal(await kept.closed(), '');
    await closed;
    await assert.rejects(RawConnection.open(server.addresses.inference), /ECONNREFUSED/);
  });

  const silent: [string, string][] = [
    ['has sent nothing', ''],
    ['has sent half a request line', 'POST /pre'],
    ['has sent half of the headers', 'POST /predictions/slow HTTP/1.1\r\nHost: te'],
    [
      'has sent half of its body',
      'POST /predictions/slow HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n[0, ',
    ],
    ['has its answer and keeps the connection', rawRequest('/ping')],
  ];
  for (const [what, bytes] of silent) {
    test(`does not wait for a client that ${what}`, async () => {
      const server = await startServer([]);
      const connection = await RawConnection.open(server.addresses.inference);
      connection.send(bytes);
      if (bytes.startsWith('POST /ping')) await connection.reply();
      // A later connection was accepted later: the server knows the first one by now.
      assert.deepEqual(json(await server.client.get('/ping')), { status: 'Healthy' });
      await server.close();
      await connection.closed();
    });
  }
});

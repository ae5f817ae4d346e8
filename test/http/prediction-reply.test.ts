import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { until } from '../support/condition.js';
import { json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { source, startServer } from '../support/server.js';

const server = await startServer([source('double'), source('dtypes'), source('slow')]);
const { client } = server;
after(() => server.close());

const binary = { accept: 'application/octet-stream' };

suite('a successful reply', () => {
  test('has an empty reason phrase and no content type, as in TorchServe', async () => {
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send(rawRequest('/predictions/double', '{"x": [1, 2]}'));
    const reply = await connection.reply();
    assert.equal(reply.statusLine, 'HTTP/1.1 200 ');
    assert.equal(reply.headers.get('content-type'), undefined);
    assert.equal(reply.headers.get('content-length'), String(reply.body.length));
    assert.equal(reply.headers.get('transfer-encoding'), undefined);
    assert.equal(reply.body, '[\n  3.0,\n  5.0\n]');
    connection.destroy();
  });

  test('has the type application/json when that is asked for', async () => {
    const headers = { accept: 'application/json' };
    const reply = await client.predict('double', [1], { headers });
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.deepEqual(json(reply), [3]);
  });

  for (const accept of ['*/*', 'text/html', 'garbage', '']) {
    test(`is the same for Accept: ${accept}`, async () => {
      const reply = await client.predict('double', [1], { headers: { accept } });
      assert.equal(reply.headers['content-type'], undefined);
      assert.deepEqual(json(reply), [3]);
    });
  }

  test('to HEAD has headers only, and the connection goes on', async () => {
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send('HEAD /ping HTTP/1.1\r\nHost: test\r\n\r\n');
    connection.send(rawRequest('/nowhere'));
    const text = await connection.closed();
    assert.match(text, /^HTTP\/1\.1 200 .*\r\n\r\nHTTP\/1\.1 404 /s);
  });
});

suite('raw bytes as a reply', () => {
  /** A row that no other request has. */
  function rowOf(request: number, length: number): number[] {
    return Array.from({ length }, (_, i) => request * 100 + (i % 97));
  }

  function bytesOf(row: readonly number[]): Buffer {
    return Buffer.from(new Float32Array(row).buffer);
  }

  for (const [size, length] of [
    ['below', 1000],
    ['of exactly', 16 * 1024],
    ['above', 20_000],
  ] as const) {
    test(`${size} 64 KiB are those of the request's own row, whoever shares the batch`, async () => {
      const requests = Array.from({ length: 60 }, (_, i) => i);
      const replies = await Promise.all(
        requests.map((i) => client.predict('dtypes', rowOf(i, length), { headers: binary })),
      );
      for (const [i, reply] of replies.entries()) {
        assert.equal(reply.headers['x-sconce-outputs'], `float32[1,${length}]`);
        assert.ok(reply.body.equals(bytesOf(rowOf(i, length))), `reply ${i} has other bytes`);
      }
    });
  }

  test('are not overwritten while a slow client reads them', async () => {
    const length = 30_000;
    const connections = await Promise.all(
      Array.from({ length: 4 }, () => RawConnection.open(server.addresses.inference)),
    );
    // All replies are asked for before any is read, beside others that use the same slabs.
    for (const [i, connection] of connections.entries()) {
      for (let k = 0; k < 5; k += 1) {
        const body = JSON.stringify(rowOf(10 * i + k, length));
        connection.send(
          rawRequest('/predictions/dtypes', body, {
            headers: ['Accept: application/octet-stream'],
          }),
        );
      }
    }
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.predict('dtypes', rowOf(1000 + i, length), { headers: binary }),
      ),
    );
    for (const [i, connection] of connections.entries()) {
      for (let k = 0; k < 5; k += 1) {
        const { body } = await connection.reply();
        const expected = bytesOf(rowOf(10 * i + k, length)).toString('latin1');
        assert.ok(body === expected, `reply ${k} on connection ${i} has other bytes`);
      }
      connection.destroy();
    }
  });

  test('give their memory back when the client hangs up behind another reply', async () => {
    const own = await startServer([source('slow'), source('dtypes')]);
    const connection = await RawConnection.open(own.addresses.inference);
    const body = JSON.stringify(rowOf(1, 20_000));
    const headers = ['Accept: application/octet-stream'];
    connection.send(
      rawRequest('/predictions/slow', '[100000, 1]') +
        rawRequest('/predictions/dtypes', body, { headers }),
    );
    const [slow, quick] = [own.service.version('slow'), own.service.version('dtypes')];
    await until(() => quick.pending === 1);
    // The second reply is ready and waits for the first.
    await until(() => quick.pending === 0 && slow.pending === 1);
    connection.destroy();
    await until(() => slow.pending === 0);
    // Closing waits for every slab.
    await own.close();
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import {
  type ScriptedStream,
  type StreamServer,
  startStreamServer,
} from '../http/stream-server.js';
import { until } from '../support/condition.js';
import { HttpClient, json } from '../support/http-client.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { metricValue, source, startServer } from '../support/server.js';
import { WatchedThreads } from './watched-threads.js';

const httpThreads = 2;

/** Connections enough that each thread has some. */
const many = 8;

function parallel<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

suite('httpThreads', () => {
  test('gives connections to the thread that has the fewest', async () => {
    const threads = new WatchedThreads();
    await using server = await startServer([source('double')], { httpThreads });
    threads.stop();
    const opened = threads.all.map(() => 0);
    for (const [i, thread] of threads.all.entries()) {
      thread.on('message', ({ statuses = [] }: { statuses?: number[] }) => {
        opened[i] = (opened[i] ?? 0) + statuses.length;
      });
    }
    const connections = await parallel(many, () => RawConnection.open(server.addresses.inference));
    for (const connection of connections) connection.send(rawRequest('/ping'));
    await Promise.all(connections.map((connection) => connection.reply()));
    await until(() => opened.reduce((sum, count) => sum + count, 0) === many);
    assert.deepEqual(opened, [many / 2, many / 2]);
    for (const connection of connections) connection.destroy();
  });

  test('rows of different threads run in one batch', async () => {
    await using server = await startServer(
      [
        source('double', {
          config: { maxBatchDelay: 60_000, batchPolicy: 'legacy', batchSize: 8 },
        }),
      ],
      { httpThreads },
    );
    const url = server.addresses.inference;
    const connections = await parallel(many, () => RawConnection.open(url));
    const ask = async (connection: RawConnection, i: number) => {
      connection.send(rawRequest('/predictions/double', `[${i}]`));
      return (await connection.reply()).body;
    };
    // The first requests teach the threads to prepare rows.
    await Promise.all(connections.map(ask));
    const batches = await metricValue(server, 'sconce_batch_rows_count', { model_name: 'double' });
    const replies = await Promise.all(connections.map(ask));
    assert.deepEqual(
      replies.map((body) => JSON.parse(body)),
      connections.map((_, i) => [2 * i + 1]),
    );
    const after = await metricValue(server, 'sconce_batch_rows_count', { model_name: 'double' });
    assert.equal(after - batches, 1);
    for (const connection of connections) connection.destroy();
  });

  test('counts each request and each response once', async () => {
    await using server = await startServer([source('double')], { httpThreads });
    const requests = 40;
    await parallel(requests, (i) => server.client.predict('double', [i]));
    const labels = { model_name: 'double' };
    assert.equal(await metricValue(server, 'sconce_requests_total', labels), requests);
    assert.equal(
      await metricValue(server, 'sconce_request_duration_seconds_count', labels),
      requests,
    );
    await server.client.predict('double', 'no JSON');
    assert.equal(await metricValue(server, 'sconce_requests_total', labels), requests + 1);
  });

  test('takes the same request as the main loop does, with the same answer', async () => {
    const models = [
      source('double'),
      source('pair'),
      source('embedding'),
      source('text_output'),
      source('throws'),
    ];
    await using one = await startServer(models, { httpThreads: 1 });
    await using two = await startServer(models, { httpThreads });
    const bodies = ['[1, 2]', '[[1, 2], [3]]', '{"instances": [[1], [2]]}', '', 'nonsense', '[]'];
    for (const { name } of models) {
      for (const body of [...bodies, ...bodies]) {
        const [expected, actual] = await Promise.all([
          one.client.predict(name, body),
          two.client.predict(name, body),
        ]);
        assert.equal(actual.status, expected.status, `${name} ${body}`);
        assert.equal(actual.text, expected.text);
        const names = ({ rawHeaders }: typeof actual) => rawHeaders.filter((_, i) => i % 2 === 0);
        assert.deepEqual(names(actual), names(expected));
      }
    }
  });

  test('passes on large bodies and large replies', async () => {
    await using server = await startServer([source('double')], { httpThreads });
    const values = Float32Array.from({ length: 300_000 }, (_, i) => i);
    const [row, binary] = [JSON.stringify([[...values]]), 'application/octet-stream'];
    const replies = await parallel(many, () =>
      server.client.predict('double', row, { headers: { accept: binary } }),
    );
    const expected = Buffer.from(values.map((value) => 2 * value + 1).buffer);
    for (const reply of replies) assert.equal(reply.body.equals(expected), true);
  });

  test('serves a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sconce-'));
    const socketPath = join(folder, 's');
    const server = await startServer([source('double')], {
      httpThreads,
      inferenceAddress: `unix:${socketPath}`,
    });
    const status = await new Promise((resolve, reject) => {
      request({ socketPath, path: '/ping' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 200);
    await server.close();
    await rm(folder, { recursive: true });
  });

  test('follows a model that is loaded again and one that is gone', async () => {
    await using server = await startServer([source('double')], { httpThreads });
    const { service, client } = server;
    const ask = async () => (await client.predict('double', [1])).status;
    assert.deepEqual([await ask(), await ask()], [200, 200]);
    await service.scale('double', undefined, { minWorkers: 0, maxWorkers: 0 }).done;
    assert.deepEqual([await ask(), await ask()], [503, 503]);
    await service.scale('double', undefined, { minWorkers: 1, maxWorkers: 1 }).done;
    assert.deepEqual([await ask(), await ask()], [200, 200]);
    await service.unregister('double');
    assert.deepEqual([await ask(), await ask()], [404, 404]);
  });
});

/** A stream, and the connection of a client that has read its first piece. */
async function openStream(
  server: StreamServer,
): Promise<{ stream: ScriptedStream; connection: RawConnection }> {
  const stream = server.stream('a');
  const connection = await RawConnection.open(server.addresses.inference);
  connection.send(rawRequest('/predictions/stream', 'a'));
  stream.push('first');
  await connection.take('first');
  return { stream, connection };
}

suite('a stream through an acceptor thread', () => {
  test('comes piece by piece', async () => {
    await using server = await startStreamServer({ httpThreads });
    const { stream, connection } = await openStream(server);
    stream.push('second');
    await connection.take('second');
    stream.end();
    await connection.take('0\r\n\r\n');
    connection.destroy();
  });

  test('is read no further ahead than a few pieces of what the client has read', async () => {
    await using server = await startStreamServer({ httpThreads });
    const stream = server.stream('a');
    const sent = request(`${server.addresses.inference}/predictions/stream`, { method: 'POST' });
    sent.end('a');
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const pieces = 64;
    for (let i = 0; i < pieces; i += 1) stream.push(piece);
    stream.end();
    const [response]: IncomingMessage[] = await once(sent, 'response');
    // Another request is answered meanwhile: nothing waits for this client.
    assert.equal((await server.client.get('/ping')).status, 200);
    assert.ok(stream.asked < pieces, `${stream.asked} pieces were read`);
    let bytes = 0;
    response?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(sent, 'close');
    assert.equal(bytes, pieces * piece.length);
  });

  test('ends when its client hangs up', async () => {
    await using server = await startStreamServer({ httpThreads });
    const { stream, connection } = await openStream(server);
    connection.destroy();
    await until(() => stream.returned === 1);
  });

  test('that gives no iterator, or a piece that is too large, is an error', async () => {
    await using server = await startStreamServer({ httpThreads, maxResponseSize: 10 });
    const stream = server.stream('a');
    stream[Symbol.asyncIterator] = () => {
      throw new Error('none');
    };
    assert.equal((await server.client.predict('stream', 'a')).status, 503);
    const large = server.stream('b');
    large.push('0123456789!');
    const refused = await server.client.predict('stream', 'b');
    assert.equal(refused.status, 500);
    assert.match(refused.text, /Message size exceed limit: 10/);
    await until(() => large.returned === 1);
  });

  test('that fails breaks off', async () => {
    await using server = await startStreamServer({ httpThreads });
    const { stream, connection } = await openStream(server);
    stream.fail(new Error('broken'));
    assert.ok(!(await connection.closed()).endsWith('0\r\n\r\n'));
    const labels = { model_name: 'stream' };
    assert.equal(await metricValue(server, 'sconce_request_errors_total', labels), 1);
  });
});

suite('an acceptor thread that ends', () => {
  test('costs its connections; another one takes its place', async () => {
    const threads = new WatchedThreads();
    await using server = await startServer([source('double'), source('slow')], { httpThreads });
    const url = server.addresses.inference;
    const connections = await parallel(many, () => RawConnection.open(url));
    for (const connection of connections) {
      connection.send(rawRequest('/predictions/double', '[1]'));
    }
    await Promise.all(connections.map((connection) => connection.reply()));
    const [first] = threads.all;
    await first?.terminate();
    await until(() => connections.filter(({ isClosed }) => isClosed).length === many / 2);
    const others = connections.filter(({ isClosed }) => !isClosed);
    for (const connection of others) connection.send(rawRequest('/predictions/double', '[2]'));
    for (const connection of others) {
      assert.deepEqual(JSON.parse((await connection.reply()).body), [5]);
    }
    await until(() => threads.all.length === httpThreads + 1);
    threads.stop();
    const client = new HttpClient(url);
    const replies = await parallel(many, (i) => client.predict('double', [i]));
    assert.deepEqual(
      replies.map((reply) => json(reply)),
      replies.map((_, i) => [2 * i + 1]),
    );
    client.close();
    for (const connection of connections) connection.destroy();
  });

  test('all of them: connections wait for the next', async () => {
    const threads = new WatchedThreads();
    await using server = await startServer([source('double')], { httpThreads });
    await Promise.all(threads.all.map((thread) => thread.terminate()));
    const client = new HttpClient(server.addresses.inference);
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
    threads.stop();
    client.close();
  });
});

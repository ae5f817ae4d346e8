import assert from 'node:assert/strict';
import { after, mock, suite, test } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.js';
import { until } from '../support/condition.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { metricValue } from '../support/server.js';
import { type ScriptedStream, startStreamServer } from './stream-server.js';

const metrics = new Metrics({ mode: 'prometheus' });
const server = await startStreamServer({}, { metrics });
after(() => server.close());

const headEnd = '\r\n\r\n';

async function ask(name: string, copies = 1): Promise<RawConnection> {
  const connection = await RawConnection.open(server.addresses.inference);
  connection.send(rawRequest('/predictions/stream', name).repeat(copies));
  return connection;
}

/** Resolves when nothing of the stream is left: its end was asked for, once. */
async function ended(stream: ScriptedStream): Promise<void> {
  await until(() => stream.returned > 0);
  assert.equal(stream.returned, 1);
}

suite('a client that hangs up on a stream', () => {
  test('before the first piece ends it', async () => {
    const stream = server.stream('before');
    const connection = await ask('before');
    await until(() => stream.asked === 1);
    connection.destroy();
    await ended(stream);
  });

  test('between pieces ends it, and no more is asked for', async () => {
    const stream = server.stream('between');
    const connection = await ask('between');
    stream.push('one');
    await connection.take('one');
    await until(() => stream.asked === 2);
    connection.reset();
    await ended(stream);
    stream.push('two');
    for (let turns = 0; turns < 100; turns += 1) await new Promise(setImmediate);
    assert.equal(stream.asked, 2);
  });

  test('while it has to wait for that client ends it', async () => {
    const stream = server.stream('full');
    const connection = await ask('full');
    connection.pause();
    const piece = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 64; i += 1) stream.push(piece);
    await until(() => stream.asked > 1);
    connection.destroy();
    await ended(stream);
    assert.ok(stream.asked < 64);
  });

  test('behind another reply on the connection ends both', async () => {
    const front = server.stream('front');
    const behind = server.stream('behind');
    const connection = await ask('front');
    connection.send(rawRequest('/predictions/stream', 'behind'));
    behind.push('one');
    await until(() => front.asked === 1 && behind.asked === 2);
    connection.destroy();
    await Promise.all([ended(front), ended(behind)]);
  });

  test('after its end disturbs nothing', async () => {
    const stream = server.stream('after');
    const connection = await ask('after');
    stream.push('one');
    stream.end();
    await connection.take('0\r\n\r\n');
    connection.destroy();
    await connection.closed();
    assert.equal(stream.returned, 0);
  });

  test('gives back the memory of the outputs, whatever became of the stream', async () => {
    await using own = await startStreamServer();
    const stream = own.stream('held');
    const connection = await RawConnection.open(own.addresses.inference);
    connection.send(rawRequest('/predictions/stream', 'held'));
    stream.push('one');
    await connection.take('one');
    connection.destroy();
    await ended(stream);
    // Closing waits for every slab.
  });
});

test('a client that reads nothing of a stream is cut off', async () => {
  const stream = server.stream('stalled');
  const connection = await ask('stalled');
  connection.pause();
  await until(() => stream.asked === 1);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const piece = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 64; i += 1) stream.push(piece);
    let asked = 0;
    while (asked !== stream.asked || asked < 2) {
      asked = stream.asked;
      for (let turns = 0; turns < 200; turns += 1) await new Promise(setImmediate);
    }
    assert.equal(stream.returned, 0);
    mock.timers.tick(120_000);
    await ended(stream);
  } finally {
    mock.timers.reset();
  }
  connection.destroy();
});

suite('a stream and the end of the server', () => {
  test('goes on to its end, and takes its connection with it', async () => {
    const own = await startStreamServer();
    const stream = own.stream('long');
    const connection = await RawConnection.open(own.addresses.inference);
    connection.send(rawRequest('/predictions/stream', 'long'));
    stream.push('one');
    await connection.take(headEnd);
    await connection.take('one\r\n');
    const closed = own.close();
    await until(() => own.service.closing);
    stream.push('two');
    await connection.take('two\r\n');
    stream.end();
    assert.equal(await connection.closed(), '0\r\n\r\n');
    await closed;
  });

  test('that begins while the server closes says that the connection ends', async () => {
    const own = await startStreamServer();
    const stream = own.stream('late');
    const connection = await RawConnection.open(own.addresses.inference);
    connection.send(rawRequest('/predictions/stream', 'late'));
    await until(() => stream.asked === 1);
    const closed = own.close();
    stream.push('one');
    stream.end();
    assert.match(await connection.closed(), /\r\nconnection: close\r\n/);
    await closed;
  });
});

suite('the record of a stream', () => {
  test('is one response each, broken off or not', async () => {
    const responses = () => metricValue({ metrics }, 'Requests2XX', { Level: 'Host' });
    const before = await responses();
    const whole = server.stream('whole');
    whole.push('one');
    whole.end();
    await server.client.predict('stream', 'whole');
    const left = server.stream('left');
    const connection = await ask('left');
    left.push('one');
    await connection.take('one');
    connection.destroy();
    await ended(left);
    assert.equal((await responses()) - before, 2);
    const failed = server.stream('failed');
    failed.push('one');
    failed.fail(new Error('as asked'));
    await assert.rejects(server.client.predict('stream', 'failed'));
    assert.equal((await responses()) - before, 3);
    const labels = { model_name: 'stream', code: 'MODEL_FAILED' };
    assert.equal(await metricValue({ metrics }, 'sconce_request_errors_total', labels), 1);
  });
});

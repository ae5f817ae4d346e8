import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { SconceError } from '../../src/errors.js';
import { until } from '../support/condition.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { startStreamServer } from './stream-server.js';

const server = await startStreamServer();
after(() => server.close());

const headEnd = '\r\n\r\n';

async function ask(
  name: string,
  given: Parameters<typeof rawRequest>[2] = {},
): Promise<RawConnection> {
  const connection = await RawConnection.open(server.addresses.inference);
  connection.send(rawRequest('/predictions/stream', name, given));
  return connection;
}

/** A chunk as it goes over the wire. */
function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

const lastChunk = '0\r\n\r\n';

suite('a streamed reply', () => {
  test('begins with its first piece, and each piece is a chunk that is sent at once', async () => {
    const stream = server.stream('a');
    const connection = await ask('a');
    await until(() => stream.asked === 1);
    stream.push('one');
    const head = await connection.take(headEnd);
    assert.match(head, /^HTTP\/1\.1 200 \r\n/);
    assert.match(head, /\r\ntransfer-encoding: chunked\r\n/);
    assert.match(head, /\r\nts_stream_next: true\r\n/);
    assert.match(head, /\r\nx-request-id: \S+\r\n/);
    assert.match(head, /\r\nPragma: no-cache\r\n/);
    assert.match(head, /\r\nconnection: keep-alive\r\n/);
    assert.doesNotMatch(head, /content-length|content-type/i);
    assert.equal(await connection.take('one\r\n'), chunk('one'));
    stream.push('two');
    assert.equal(await connection.take('two\r\n'), chunk('two'));
    stream.end();
    assert.equal(await connection.take(lastChunk), lastChunk);
    // The connection goes on.
    server.stream('b').end();
    connection.send(rawRequest('/predictions/stream', 'b'));
    assert.match(await connection.take(headEnd), /transfer-encoding: chunked/);
    assert.equal(await connection.take(lastChunk), lastChunk);
    connection.destroy();
    assert.equal(stream.returned, 0);
  });

  test('has the status, phrase, type and headers of its handler', async () => {
    const stream = server.stream('own', {
      status: { code: 202, phrase: 'Going on' },
      contentType: 'text/plain',
      headers: {
        'X-Own': 'yes',
        ts_stream_next: 'true',
        'Content-Length': '3',
        connection: 'close',
      },
    });
    stream.push('x');
    stream.end();
    const connection = await ask('own', { headers: ['x-request-id: mine'] });
    const head = await connection.take(headEnd);
    assert.match(head, /^HTTP\/1\.1 202 Going on\r\nX-Own: yes\r\n/);
    assert.match(head, /\r\ncontent-type: text\/plain\r\n/);
    assert.match(head, /\r\nx-request-id: mine\r\n/);
    assert.equal(head.match(/ts_stream_next/g)?.length, 1);
    assert.doesNotMatch(head, /content-length|connection: close/i);
    connection.destroy();
  });

  test('may have pieces of any size: empty ones are passed over', async () => {
    const stream = server.stream('sizes');
    const large = Buffer.alloc(3_000_000, 7);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    for (const piece of [Buffer.alloc(0), bytes, Buffer.alloc(0), large]) stream.push(piece);
    stream.end();
    const reply = await server.client.predict('stream', 'sizes');
    assert.ok(reply.body.equals(Buffer.concat([bytes, large])));
  });

  test('may have ten thousand pieces', async () => {
    const stream = server.stream('many');
    const pieces = Array.from({ length: 10_000 }, (_, i) => `piece ${i}\n`);
    for (const piece of pieces) stream.push(piece);
    stream.end();
    const reply = await server.client.predict('stream', 'many');
    assert.equal(reply.text, pieces.join(''));
  });

  test('without a piece is an empty body', async () => {
    server.stream('none').end();
    const reply = await server.client.predict('stream', 'none');
    assert.deepEqual([reply.status, reply.text], [200, '']);
    assert.equal(reply.headers.ts_stream_next, 'true');
  });

  test('to HEAD has no body, and asks for no more than it needs', async () => {
    const stream = server.stream('');
    stream.push('one');
    stream.push('two');
    const connection = await ask('', { method: 'HEAD' });
    assert.match(await connection.take(headEnd), /^HTTP\/1\.1 200 /);
    await until(() => stream.returned === 1);
    assert.equal(stream.asked, 1);
    server.stream('next').end();
    connection.send(rawRequest('/predictions/stream', 'next'));
    assert.match(await connection.take(headEnd), /^HTTP\/1\.1 200 /);
    connection.destroy();
  });

  test('of a status without a body has none, and no chunks', async () => {
    const stream = server.stream('204', { status: { code: 204, phrase: 'Nothing' } });
    stream.push('one');
    const connection = await ask('204');
    const head = await connection.take(headEnd);
    assert.doesNotMatch(head, /transfer-encoding/);
    await until(() => stream.returned === 1);
    connection.end();
    assert.equal(await connection.closed(), '');
  });

  test('to a client of HTTP/1.0 ends with the connection', async () => {
    const stream = server.stream('old');
    const connection = await RawConnection.open(server.addresses.inference);
    const body = 'Content-Length: 3\r\nConnection: keep-alive\r\n\r\nold';
    connection.send(`POST /predictions/stream HTTP/1.0\r\n${body}`);
    stream.push('one');
    const head = await connection.take(headEnd);
    assert.doesNotMatch(head, /transfer-encoding/);
    assert.match(head, /\r\nconnection: close\r\n/);
    assert.equal(await connection.take('one'), 'one');
    stream.push('two');
    stream.end();
    assert.equal(await connection.closed(), 'two');
  });

  test('keeps its place among pipelined replies', async () => {
    const first = server.stream('first');
    const second = server.stream('second');
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send(
      rawRequest('/predictions/stream', 'first') +
        rawRequest('/predictions/stream', 'second') +
        rawRequest('/nowhere'),
    );
    second.push('second');
    second.end();
    await until(() => second.asked === 2);
    first.push('first');
    await connection.take(headEnd);
    assert.equal(await connection.take('first\r\n'), chunk('first'));
    first.push('more');
    first.end();
    assert.equal(await connection.take(lastChunk), chunk('more') + lastChunk);
    await connection.take(headEnd);
    assert.equal(await connection.take(lastChunk), chunk('second') + lastChunk);
    assert.equal((await connection.reply()).status, 404);
  });

  test('is asked for no more than its client reads', async () => {
    const stream = server.stream('slow');
    const connection = await ask('slow', { headers: ['Connection: close'] });
    connection.pause();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 64; i += 1) stream.push(piece);
    stream.end();
    await until(() => stream.asked > 1);
    for (let turns = 0; turns < 1000; turns += 1) await new Promise(setImmediate);
    const { asked } = stream;
    assert.ok(asked < 64, `${asked} pieces were asked for`);
    connection.resume();
    assert.ok((await connection.closed()).endsWith(lastChunk));
    assert.equal(stream.asked, 65);
  });

  test('of more than maxResponseSize in all goes through, for the limit is for each piece', async () => {
    await using limited = await startStreamServer({ maxResponseSize: 10 });
    const stream = limited.stream('limited');
    for (let i = 0; i < 5; i += 1) stream.push('0123456789');
    stream.end();
    assert.equal((await limited.client.predict('stream', 'limited')).text.length, 50);
  });
});

suite('a stream that fails', () => {
  test('before its first piece is an error like any other', async () => {
    const stream = server.stream('early');
    stream.push('');
    stream.fail(new SconceError('PREDICTION_ERROR', 'no idea').withStatus(418));
    const reply = await server.client.predict('stream', 'early');
    assert.equal(reply.status, 418);
    assert.deepEqual(JSON.parse(reply.text), {
      code: 418,
      type: 'InternalServerException',
      message: 'no idea',
    });
    assert.equal(reply.headers['transfer-encoding'], undefined);
  });

  test('later leaves a body that is seen to be incomplete', async () => {
    const stream = server.stream('late');
    const connection = await ask('late');
    stream.push('one');
    await connection.take('one\r\n');
    stream.fail(new Error('as asked'));
    assert.equal(await connection.closed(), '');
    stream.push('two');
    const whole = server.client.predict('stream', 'late');
    stream.fail(new Error('as asked'));
    await assert.rejects(whole, { code: 'ECONNRESET' });
  });

  test('resets the connection of a client that knows no chunks', async () => {
    const stream = server.stream('old late');
    const connection = await RawConnection.open(server.addresses.inference);
    connection.send('POST /predictions/stream HTTP/1.0\r\nContent-Length: 8\r\n\r\nold late');
    stream.push('one');
    await connection.take('one');
    stream.fail(new Error('as asked'));
    await connection.closed();
    assert.equal(connection.wasReset, true);
  });

  test('by a piece larger than maxResponseSize is refused, or broken off', async () => {
    await using limited = await startStreamServer({ maxResponseSize: 10 });
    const large = limited.stream('large');
    large.push('0123456789!');
    const refused = await limited.client.predict('stream', 'large');
    assert.equal(refused.status, 500);
    assert.match(refused.text, /Message size exceed limit: 10/);
    assert.equal(large.returned, 1);
    const grows = limited.stream('grows');
    grows.push('0');
    grows.push('0123456789!');
    await assert.rejects(limited.client.predict('stream', 'grows'), { code: 'ECONNRESET' });
    assert.equal(grows.returned, 1);
  });

  test('by a head that HTTP cannot have is refused', async () => {
    for (const reply of [{ headers: { 'a b': 'c' } }, { status: { code: 42, phrase: '' } }]) {
      const stream = server.stream('head', reply);
      stream.push('one');
      const answer = await server.client.predict('stream', 'head');
      assert.equal(answer.status, 503);
      assert.match(answer.text, /Invalid model predict output/);
      assert.equal(stream.returned, 1);
    }
  });

  test('by an iterable that gives no iterator is refused', async () => {
    const stream = server.stream('broken');
    stream[Symbol.asyncIterator] = () => {
      throw new Error('none');
    };
    assert.equal((await server.client.predict('stream', 'broken')).status, 503);
  });
});

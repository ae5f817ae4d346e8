import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { acceptsEventStream, EventStreamFrames } from '../../src/http/event-stream.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { startStreamServer } from './stream-server.js';

const server = await startStreamServer();
after(() => server.close());

const accept = { headers: { accept: 'text/event-stream' } };

/** The data of a stream's events, as the HTML standard reads them. */
function eventsOf(text: string): string[] {
  const events: string[] = [];
  let data: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line === '' && data.length > 0) events.push(data.splice(0).join('\n'));
    else if (line.startsWith('data: ')) data.push(line.slice('data: '.length));
  }
  data = [];
  return events;
}

function framed(pieces: readonly Uint8Array[]): string {
  const frames = new EventStreamFrames();
  return [...pieces.map((piece) => frames.frame(piece)), frames.end()].join('');
}

suite('a stream for a client that accepts event streams', () => {
  test('is one event for each piece, one data line for each of its lines', async () => {
    const stream = server.stream('lines');
    for (const piece of ['one', 'two\nthree', '\n', ' four\r\n']) stream.push(piece);
    stream.end();
    const reply = await server.client.predict('stream', 'lines', accept);
    assert.equal(reply.headers['content-type'], 'text/event-stream');
    assert.equal(
      reply.text,
      'data: one\n\ndata: two\ndata: three\n\ndata: \ndata: \n\ndata:  four\ndata: \n\n',
    );
  });

  test('is left as it is where the handler names a type', async () => {
    for (const type of ['text/event-stream', 'text/plain']) {
      const stream = server.stream('own', { contentType: type });
      stream.push('event: own\ndata: 1\n\n');
      stream.end();
      const reply = await server.client.predict('stream', 'own', accept);
      assert.equal(reply.headers['content-type'], type);
      assert.equal(reply.text, 'event: own\ndata: 1\n\n');
    }
    const stream = server.stream('header', { headers: { 'Content-Type': 'text/plain' } });
    stream.push('x');
    stream.end();
    assert.equal((await server.client.predict('stream', 'header', accept)).text, 'x');
  });

  test('that fails has the error as its last event, and ends without an end', async () => {
    for (const contentType of [undefined, 'text/event-stream; charset=utf-8']) {
      const stream = server.stream('fails', { contentType });
      const connection = await RawConnection.open(server.addresses.inference);
      const headers = ['Accept: text/event-stream'];
      connection.send(rawRequest('/predictions/stream', 'fails', { headers }));
      stream.push('data: x\n\n');
      await connection.take('\r\n\r\n');
      stream.fail(new Error('as asked'));
      const rest = await connection.closed();
      assert.match(rest, /\n\nevent: error\ndata: (\{.*\})\n\n\r\n$/);
      const [, data = ''] = /event: error\ndata: (.*)/.exec(rest) ?? [];
      assert.deepEqual(JSON.parse(data), {
        code: 503,
        type: 'InternalServerException',
        message: 'Prediction failed: as asked',
      });
    }
  });
});

suite('event stream frames', () => {
  test('hold back a character that is divided between pieces', () => {
    const bytes = Buffer.from('a€😀');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const events = eventsOf(framed([bytes.subarray(0, cut), bytes.subarray(cut)]));
      assert.equal(events.join(''), 'a€😀');
    }
  });

  test('show what is no UTF-8 as U+FFFD, also at the end', () => {
    assert.deepEqual(eventsOf(framed([Buffer.from([0xff]), Buffer.from([0xe2, 0x82])])), [
      '\ufffd',
      '\ufffd',
    ]);
  });

  test('see a line break that is divided between pieces once', () => {
    assert.deepEqual(eventsOf(framed([Buffer.from('a\r'), Buffer.from('\nb')])), ['a\n', 'b']);
  });

  test('lose no character of any text, however it is divided', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '€', '😀', '\n', ' ', ':', '\ufeff') })),
        fc.array(fc.nat(50)),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.join(''));
          const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length];
          edges.sort((a, b) => a - b);
          const pieces = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
          assert.equal(eventsOf(framed(pieces)).join(''), bytes.toString());
        },
      ),
    );
  });
});

test('only a client that names event streams is taken to want one', () => {
  for (const header of ['text/event-stream', 'text/html, TEXT/event-stream;q=0.5']) {
    assert.equal(acceptsEventStream(header), true, header);
  }
  for (const header of [
    undefined,
    '',
    '*/*',
    'text/*',
    'text/event-stream;q=0',
    'x-text/event-stream',
  ]) {
    assert.equal(acceptsEventStream(header), false, header);
  }
});

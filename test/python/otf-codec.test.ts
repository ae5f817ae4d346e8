import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedResponse, ResponseDecoder } from '../../src/python/otf-decoder.js';
import { encodeInference, encodeLoad } from '../../src/python/otf-encoder.js';
import type { WorkerReply, WorkerResponse } from '../../src/python/worker-messages.js';

type SentReply = Omit<WorkerReply, 'tooLarge'>;

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const sized = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([int(bytes.length), bytes]);
};

/** As otf_message_handler.py does it: with the length in characters. */
const counted = (value: string): Buffer =>
  Buffer.concat([int([...value].length), Buffer.from(value)]);

function replyBytes({ requestId, contentType, status, phrase, headers, body }: SentReply): Buffer {
  return Buffer.concat([
    sized(requestId),
    counted(contentType ?? ''),
    int(status),
    counted(phrase),
    int(headers.length),
    ...headers.flat().map(sized),
    sized(body),
  ]);
}

function messageBytes(code: number, message: string, replies: readonly SentReply[]): Buffer {
  return Buffer.concat([int(code), sized(message), ...replies.map(replyBytes), int(-1)]);
}

function plainReply(body: Uint8Array): SentReply {
  return { requestId: 'a', contentType: undefined, status: 200, phrase: '', headers: [], body };
}

function decoder({ maxBody = 1000, maxReplies = 100 } = {}): ResponseDecoder {
  const made = new ResponseDecoder(maxBody);
  made.maxReplies = maxReplies;
  return made;
}

/** Bodies as lists of numbers: they may be of different classes. */
function comparable({ code, message, replies }: WorkerResponse) {
  return {
    code,
    message,
    replies: replies.map((reply) => ({ ...reply, body: [...reply.body] })),
  };
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 });

const sentReply: fc.Arbitrary<SentReply> = fc.record({
  requestId: text,
  contentType: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
  status: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  phrase: text,
  headers: fc.array(fc.tuple(text, text), { maxLength: 3 }),
  body: fc.uint8Array({ maxLength: 40 }),
});

const sentMessage = fc.tuple(fc.nat(999), text, fc.array(sentReply, { maxLength: 3 }));

test('messages are decoded whatever the pieces are that they come in', () => {
  fc.assert(
    fc.property(fc.array(sentMessage, { maxLength: 4 }), fc.array(fc.nat(600)), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map((message) => messageBytes(...message)));
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const reader = decoder();
      const decoded = places
        .slice(1)
        .flatMap((end, i) => reader.push(Buffer.from(bytes.subarray(places[i], end))));
      assert.deepEqual(
        decoded.map(comparable),
        sent.map(([code, message, replies]) =>
          comparable({ code, message, replies: replies.map((r) => ({ ...r, tooLarge: false })) }),
        ),
      );
    }),
  );
});

test('a message that comes byte by byte is decoded with its last byte', () => {
  const bytes = messageBytes(200, 'ok', [plainReply(Buffer.from('body'))]);
  const reader = decoder();
  for (const byte of bytes.subarray(0, -1)) {
    assert.deepEqual(reader.push(Uint8Array.of(byte)), []);
  }
  assert.equal(reader.push(bytes.subarray(-1)).length, 1);
});

test('a body that is too large is thrown away, and the next message is whole', () => {
  const bytes = messageBytes(200, 'ok', [
    plainReply(new Uint8Array(1001)),
    plainReply(new Uint8Array(1000)),
  ]);
  const reader = decoder();
  const [first] = [...reader.push(bytes.subarray(0, 500)), ...reader.push(bytes.subarray(500))];
  assert.deepEqual(
    first?.replies.map(({ tooLarge, body }) => [tooLarge, body.length]),
    [
      [true, 0],
      [false, 1000],
    ],
  );
  assert.equal(reader.push(bytes).length, 1);
});

const idLength = sized('ok').length + 4;

for (const [what, bytes, offset] of [
  ['a negative length of the message', Buffer.concat([int(200), int(-2)]), 8],
  ['a message that has no end', Buffer.concat([int(200), int(2 ** 31 - 1)]), 8],
  ['a negative identifier', Buffer.concat([int(200), sized('ok'), int(-7)]), idLength + 4],
  ['bytes of a program that prints to the socket', Buffer.from('Traceback (most recent'), 8],
] as const) {
  test(`refused with its place: ${what}`, () => {
    assert.throws(
      () => decoder().push(bytes),
      (error) =>
        error instanceof MalformedResponse && error.message.includes(`at byte ${offset}: `),
    );
  });
}

test('more replies than requests are refused', () => {
  const bytes = messageBytes(200, 'ok', [plainReply(Buffer.of()), plainReply(Buffer.of())]);
  assert.throws(() => decoder({ maxReplies: 1 }).push(bytes), /more replies than requests \(1\)/);
});

test('headers without end are refused before they fill the memory', () => {
  const head = Buffer.concat([int(200), sized(''), sized('a'), int(0), int(200), int(0)]);
  const reader = decoder();
  reader.push(Buffer.concat([head, int(2 ** 31 - 1)]));
  const headers = Buffer.alloc(64 * 1024);
  assert.throws(() => {
    for (;;) reader.push(headers);
  }, /texts may have 16777216/);
});

test('any bytes give messages or are refused', () => {
  const number = fc.constantFrom(-2, -1, 0, 1, 2, 3, 200, 70_000).map(int);
  const piece = fc.oneof(number, fc.uint8Array({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const reader = decoder();
      try {
        for (const bytes of pieces) reader.push(bytes);
      } catch (error) {
        assert.ok(error instanceof MalformedResponse);
      }
    }),
  );
});

test('LOAD has the layout that the worker reads', () => {
  const bytes = Buffer.concat(
    encodeLoad({
      modelName: 'modèle',
      modelPath: '/m',
      batchSize: 4,
      handler: 'h.py',
      gpu: null,
      envelope: undefined,
      limitMaxImagePixels: true,
    }),
  );
  assert.deepEqual(
    bytes,
    Buffer.concat([
      Buffer.from('L'),
      ...[sized('modèle'), sized('/m'), int(4), sized('h.py'), int(-1), int(0), Buffer.of(1)],
    ]),
  );
});

test('an inference has the layout that the worker reads, and long values are not copied', () => {
  const long = new Uint8Array(100_000).fill(7);
  const parts = encodeInference([
    {
      id: 'one',
      headers: [['x-a', 'é']],
      parameters: [
        { name: 'body', contentType: 'text/plain', value: Buffer.from('hello') },
        { name: 'data', contentType: undefined, value: long },
      ],
    },
    { id: 'two', headers: [], parameters: [] },
  ]);
  const end = int(-1);
  assert.deepEqual(
    Buffer.concat(parts),
    Buffer.concat([
      ...[Buffer.from('I'), sized('one'), sized('x-a'), sized('é'), end],
      ...[sized('body'), sized('text/plain'), sized('hello')],
      ...[sized('data'), int(0), sized(long), end],
      ...[sized('two'), end, end, end],
    ]),
  );
  assert.ok(parts.includes(long));
});

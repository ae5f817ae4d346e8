import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { ResponseDecoder } from '../../src/python/otf-decoder.js';
import { encodeInference, encodeLoad } from '../../src/python/otf-encoder.js';
import { requirePython, withoutPython } from '../support/python.js';

/** Lets torchserve's own code do one thing for each line of JSON, and gives lines of JSON back. */
function reference(script: string, cases: readonly unknown[]): unknown[] {
  const prelude = `
import base64, json, sys
from ts.context import Context, RequestProcessor
from ts.protocol import otf_message_handler as otf
class Connection:
    def __init__(self, data): self.data = data
    def recv(self, length):
        piece, self.data = self.data[:length], self.data[length:]
        return piece
def base(data): return base64.b64encode(data).decode()
def plain(value):
    if isinstance(value, (bytes, bytearray)): return base(value)
    if isinstance(value, list): return [plain(item) for item in value]
    if isinstance(value, dict): return {name: plain(item) for name, item in value.items()}
    return value
`;
  const loop = `
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), file=sys.__stdout__)
`;
  const input = cases.map((value) => `${JSON.stringify(value)}\n`).join('');
  const printed = execFileSync(requirePython(), ['-c', prelude + script + loop], {
    input,
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TS_DECODE_INPUT_REQUEST: 'false' },
  });
  const answers: unknown[] = printed
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, cases.length);
  return answers;
}

const samples = 200;

const text = fc.string({ unit: 'grapheme', maxLength: 20 });

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');

const decodeScript = `
def answer(data):
    connection = Connection(base64.b64decode(data))
    command, message = otf.retrieve_msg(connection)
    return [command.decode(), plain(message), len(connection.data)]
`;

test('torchserve reads the requests that are written', { skip: withoutPython }, () => {
  const parameter = fc.record({
    name: text,
    contentType: fc.option(text, { nil: undefined }),
    value: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(9000).map((length) => new Uint8Array(length).fill(5)),
    ),
  });
  const requests = fc.record({
    id: text,
    headers: fc.array(fc.tuple(text, text), { maxLength: 3 }),
    parameters: fc.array(parameter, { maxLength: 3 }),
  });
  const batches = fc.sample(fc.array(requests, { maxLength: 4 }), samples);
  const read = reference(
    decodeScript,
    batches.map((batch) => Buffer.concat(encodeInference(batch)).toString('base64')),
  );
  assert.deepEqual(
    read,
    batches.map((batch) => [
      'I',
      batch.map(({ id, headers, parameters }) => ({
        requestId: base64(id),
        headers: headers.map(([name, value]) => ({ name: base64(name), value: base64(value) })),
        parameters: parameters.map(({ name, contentType, value }) => ({
          name,
          contentType: contentType ?? '',
          value: base64(value),
        })),
      })),
      0,
    ]),
  );
});

test('torchserve reads what is to be loaded', { skip: withoutPython }, () => {
  const message = fc.record({
    modelName: text,
    modelPath: text,
    batchSize: fc.nat(),
    handler: text,
    gpu: fc.option(fc.nat(7)),
    envelope: fc.option(text, { nil: undefined }),
    limitMaxImagePixels: fc.boolean(),
  });
  const messages = fc.sample(message, samples);
  const read = reference(
    decodeScript,
    messages.map((load) => Buffer.concat(encodeLoad(load)).toString('base64')),
  );
  assert.deepEqual(
    read,
    messages.map(({ gpu, envelope, modelName, modelPath, handler, ...load }) => [
      'L',
      {
        ...load,
        ...(gpu === null ? {} : { gpu }),
        modelName: base64(modelName),
        modelPath: base64(modelPath),
        handler: base64(handler),
        envelope: base64(envelope ?? ''),
      },
      0,
    ]),
  );
});

test('what torchserve answers is read', { skip: withoutPython }, () => {
  const reply = fc.record({
    id: text,
    contentType: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 })),
    status: fc.integer({ min: 100, max: 599 }),
    phrase: text,
    header: text,
    body: text,
    isText: fc.boolean(),
  });
  const message = fc.record({
    code: fc.nat(999),
    message: text,
    replies: fc.array(reply, { maxLength: 4 }),
    isFailure: fc.boolean(),
    isStream: fc.boolean(),
  });
  const messages = fc.sample(message, samples);
  const written = reference(
    `
def answer(case):
    replies = case["replies"]
    ids = {i: reply["id"] for i, reply in enumerate(replies)}
    if case["isFailure"]:
        return base(otf.create_predict_response(None, ids, case["message"], case["code"]))
    context = Context("m", "/", {}, 1, None, "0", metrics=None)
    context.request_processor = [RequestProcessor({}) for _ in replies]
    for i, reply in enumerate(replies):
        context.set_response_status(reply["status"], reply["phrase"], i)
        context.set_response_header(i, "x-header", reply["header"])
        if reply["contentType"] is not None:
            context.set_response_content_type(i, reply["contentType"])
    bodies = [r["body"] if r["isText"] else r["body"].encode() for r in replies]
    return base(otf.create_predict_response(
        bodies, ids, case["message"], case["code"], context, case["isStream"]))
`,
    messages,
  );
  for (const [i, { code, message, replies, isFailure, isStream }] of messages.entries()) {
    const decoder = new ResponseDecoder(1000);
    decoder.maxReplies = replies.length;
    const responses = decoder.push(Buffer.from(String(written[i]), 'base64'));
    const read = responses.map((response) => ({
      ...response,
      replies: response.replies.map((one) => ({ ...one, body: Buffer.from(one.body).toString() })),
    }));
    const expected = replies.map(({ id, contentType, status, phrase, header, body }) => {
      const type = contentType === null ? [] : [['content-type', contentType]];
      const stream = isStream ? [['ts_stream_next', 'true']] : [];
      const headers = [['x-header', header], ...type, ...stream];
      const rest = { requestId: id, tooLarge: false };
      return isFailure
        ? { ...rest, contentType: undefined, status: code, phrase: '', headers: [], body: 'error' }
        : { ...rest, contentType: contentType ?? undefined, status, phrase, headers, body };
    });
    assert.deepEqual(read, [{ code, message, replies: expected }]);
  }
});

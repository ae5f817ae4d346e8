import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutPython } from '../support/python.js';
import { answers, request, startHandler, textOf } from './worker-sandbox.js';

const options = { skip: withoutPython };

const streaming = `
from ts.handler_utils.utils import send_intermediate_predict_response
def handle(data, context):
    if data is None:
        return None
    count = int(data[0]["body"])
    for i in range(count):
        part = [f"{i}," + "x" * 1000] * len(data)
        send_intermediate_predict_response(part, context.request_ids, "part", 200, context)
        print("sent", i)
    return ["end"] * len(data)
`;

test('a handler that streams sends a message for each part', options, async () => {
  await using sandbox = await startHandler(streaming);
  const responses = await answers(sandbox.worker, request('a', '3'), request('b', ''));
  assert.deepEqual(
    responses.map(({ replies }) => replies.map((reply) => textOf(reply).slice(0, 3))),
    [
      ['0,x', '0,x'],
      ['1,x', '1,x'],
      ['2,x', '2,x'],
      ['end', 'end'],
    ],
  );
  assert.deepEqual(responses.at(-1)?.replies[0]?.headers, [['ts_stream_next', 'false']]);
});

test('a long stream comes whole', options, async () => {
  await using sandbox = await startHandler(streaming);
  const stream = sandbox.worker.predict([request('a', '5000')]);
  await stream.next();
  // The worker has long filled the buffers between the processes then.
  await sandbox.recorder.printed('sent 50');
  let parts = 1;
  for await (const { replies } of stream) parts += replies.length;
  assert.equal(parts, 5001);
});

test('a batch that is left in its midst does not disturb the next', options, async () => {
  await using sandbox = await startHandler(streaming);
  for await (const _ of sandbox.worker.predict([request('a', '100')])) break;
  const responses = await answers(sandbox.worker, request('b', '1'));
  assert.deepEqual(
    responses.flatMap(({ replies }) => replies.map(({ requestId }) => requestId)),
    ['b', 'b'],
  );
});

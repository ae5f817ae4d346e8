import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, request, startFake, textOf } from './worker-sandbox.js';

/** A worker that answers each batch with what `sends` writes; `ids` are those of the requests. */
function answering(sends: string): string {
  return `load()\nwhile True:\n    ids = read_batch()\n    ${sends}\n`;
}

test('replies to requests that nobody has asked are left out', async () => {
  await using sandbox = await startFake(
    answering('send(message([reply("stranger")])); send(message([reply(id, b"x") for id in ids]))'),
  );
  for (let i = 0; i < 3; i++) {
    const responses = await answers(sandbox.worker, request(`${i}`, ''));
    assert.deepEqual(
      responses.map(({ replies }) => replies.map(({ requestId }) => requestId)),
      [[`${i}`]],
    );
  }
});

test('a batch is over when each of its requests has had its last reply', async () => {
  await using sandbox = await startFake(
    answering(
      'send(message([reply(ids[0], b"1", headers={"ts_stream_next": "true"}), reply(ids[1], b"2")]));' +
        'send(message([reply(ids[0], b"3", headers={"ts_stream_next": "false"})]))',
    ),
  );
  const responses = await answers(sandbox.worker, request('a', ''), request('b', ''));
  assert.deepEqual(
    responses.map(({ replies }) => replies.map((reply) => reply.requestId + textOf(reply))),
    [['a1', 'b2'], ['a3']],
  );
});

test('a large batch is sent whole', async () => {
  await using sandbox = await startFake(
    answering('send(message([reply(id, id.encode()) for id in ids]))'),
  );
  const text = 'x'.repeat(1_000_000);
  const batch = Array.from({ length: 20 }, (_, i) => request(`${i}`, text));
  const [response] = await answers(sandbox.worker, ...batch);
  assert.deepEqual(
    response?.replies.map(textOf),
    batch.map(({ id }) => id),
  );
});

for (const [what, sends, reason] of [
  ['no message', 'send(b"\\x00" * 4 + b"\\xff" * 8)', /^its response is malformed at byte 8: /],
  ['more than was asked', 'send(message([reply("a"), reply("b")]))', /more replies than requests/],
  ['half a message', 'send(message([reply("a")])[:-6]); sys.exit("enough")', /code 1: enough$/],
  ['nothing', 'connection.close(); time.sleep(1000)', /^it has closed its socket$/],
] as const) {
  test(`a worker that sends ${what} is ended, and the batch is told`, async () => {
    await using sandbox = await startFake(answering(sends));
    await assert.rejects(answers(sandbox.worker, request('a', '')), (error) => {
      assert.ok(error instanceof Error && 'code' in error && 'reason' in error);
      assert.equal(error.code, 'WORKER_DIED');
      assert.match(String(error.reason), reason);
      return true;
    });
    assert.match((await sandbox.recorder.ended).reason, reason);
  });
}

test('a worker that ends while it has nothing to do is told of', async () => {
  await using sandbox = await startFake('load()\nsys.exit("tired")\n');
  assert.deepEqual(await sandbox.recorder.ended, {
    code: 1,
    signal: null,
    reason: 'it ended with code 1: tired',
  });
});

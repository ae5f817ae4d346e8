import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { withoutPython } from '../support/python.js';
import { answer, answers, noReply, request, startHandler, textOf } from './worker-sandbox.js';

const options = { skip: withoutPython };

const moduleHandler = `
def handle(data, context):
    if data is None:
        return None
    return [row.get("body").decode() + "!" for row in data]
`;

test('a batch is answered in one message, each request by its name', options, async () => {
  await using sandbox = await startHandler(moduleHandler);
  const [response, ...more] = await answers(
    sandbox.worker,
    request('one', 'a'),
    request('two', 'é'),
  );
  assert.deepEqual(more, []);
  assert.equal(response?.code, 200);
  assert.deepEqual(
    response?.replies.map((reply) => [reply.requestId, reply.status, textOf(reply)]),
    [
      ['one', 200, 'a!'],
      ['two', 200, 'é!'],
    ],
  );
});

test('many batches go one after the other', options, async () => {
  await using sandbox = await startHandler(moduleHandler);
  for (let i = 0; i < 50; i++) {
    assert.equal(textOf(await answer(sandbox.worker, `${i}`)), `${i}!`);
  }
});

test('one batch at a time', options, async () => {
  await using sandbox = await startHandler(moduleHandler);
  const first = answer(sandbox.worker, 'a');
  await assert.rejects(answer(sandbox.worker, 'b'), /already has a batch/);
  assert.equal(textOf(await first), 'a!');
});

test('a function of another name is an entry point', options, async () => {
  const source = `
def serve(data, context):
    return None if data is None else ["served"] * len(data)
`;
  await using sandbox = await startHandler(source, { handler: 'handler:serve' });
  assert.equal(textOf(await answer(sandbox.worker, 'a')), 'served');
});

test('a class with handle() is an entry point', options, async () => {
  await using sandbox = await startHandler(`
class Handler:
    def initialize(self, context):
        self.properties = context.system_properties
    def handle(self, data, context):
        return [{name: str(self.properties[name]) for name in ("gpu_id", "batch_size")}]
`);
  const reply = await answer(sandbox.worker, 'a');
  assert.deepEqual(JSON.parse(textOf(reply)), { gpu_id: 'None', batch_size: '4' });
});

test('a handler sees headers and parameters, and says status and headers', options, async () => {
  await using sandbox = await startHandler(`
def handle(data, context):
    if data is None:
        return None
    context.set_response_status(418, "Teekännchen", 0)
    context.set_response_content_type(0, "text/plain")
    context.set_response_header(0, "x-seen", context.get_request_header(0, "x-asked"))
    return [",".join(sorted(data[0]))]
`);
  const value = Buffer.from('1');
  const [response] = await answers(sandbox.worker, {
    id: 'a',
    headers: [['x-asked', 'yes']],
    parameters: [
      { name: 'b', contentType: undefined, value },
      { name: 'a', contentType: 'application/json', value },
    ],
  });
  const [reply] = response?.replies ?? [];
  assert.deepEqual(
    [reply?.status, reply?.phrase, reply?.contentType, textOf(reply ?? noReply)],
    [418, 'Teekännchen', 'text/plain', 'a,b'],
  );
  assert.deepEqual(reply?.headers, [
    ['content-type', 'text/plain'],
    ['x-seen', 'yes'],
  ]);
});

test('metrics come apart from lines, and lines with their level', options, async () => {
  await using sandbox = await startHandler(`
import sys
def handle(data, context):
    if data is None:
        return None
    print("to out"); print("to err", file=sys.stderr); print("[METRICS]none")
    context.metrics.add_counter("Rows", 2)
    context.metrics.add_time("Slow", 1.5, 0, "s")
    print("last line")
    return ["ok"]
`);
  const { worker, recorder } = sandbox;
  await answer(worker, 'a');
  await Promise.all([recorder.printed('last line'), recorder.printed('to err')]);
  const metric = (name: string) => recorder.metrics.find((one) => one.name === name);
  assert.deepEqual(
    [metric('Rows')?.value, metric('Rows')?.unit, metric('Rows')?.kind],
    [2, 'Count', 'counter'],
  );
  assert.deepEqual([metric('Slow')?.value, metric('Slow')?.unit], [1.5, 'Seconds']);
  assert.equal(metric('Slow')?.requestIds, 'only');
  assert.deepEqual(metric('Slow')?.dimensions, [
    ['ModelName', 'tried'],
    ['Level', 'Model'],
  ]);
  const texts = recorder.lines.map(({ level, text }) => `${level} ${text}`);
  for (const line of ['info to out', 'warn to err', 'info [METRICS]none']) {
    assert.ok(texts.includes(line), `${line} is not in\n${texts.join('\n')}`);
  }
  assert.ok(!texts.some((line) => /\[PID\]|Torch worker started/.test(line)));
});

test('a reply that is too large fails alone', options, async () => {
  const source = `
def handle(data, context):
    return None if data is None else ["x" * int(row["body"]) for row in data]
`;
  await using sandbox = await startHandler(source, { maxResponseSize: 5000 });
  const sizes = ['5000', '5001', '3'];
  const [response] = await answers(
    sandbox.worker,
    ...sizes.map((size) => request(`id ${size}`, size)),
  );
  assert.deepEqual(
    response?.replies.map(({ requestId, tooLarge, body }) => [requestId, tooLarge, body.length]),
    [
      ['id 5000', false, 5000],
      ['id 5001', true, 0],
      ['id 3', false, 3],
    ],
  );
  assert.equal((await answer(sandbox.worker, '7')).body.length, 7);
});

test('a handler is told to describe itself with a header', options, async () => {
  await using sandbox = await startHandler(`
from ts.torch_handler.base_handler import BaseHandler
class Handler(BaseHandler):
    def initialize(self, context):
        self.context = context
    def describe_handle(self):
        return {"takes": "text"}
`);
  const [response] = await answers(sandbox.worker, {
    id: 'a',
    headers: [['describe', 'True']],
    parameters: [{ name: 'body', contentType: undefined, value: new Uint8Array() }],
  });
  assert.deepEqual(JSON.parse(textOf(response?.replies[0] ?? noReply)), { takes: 'text' });
});

test(
  'memory is told while the process lives, and nothing of it is left after',
  options,
  async () => {
    await using sandbox = await startHandler(`
import subprocess
child = subprocess.Popen(["sleep", "1000"])
def handle(data, context):
    return None if data is None else [str(child.pid)]
`);
    const { worker, recorder } = sandbox;
    assert.ok(worker.loadMilliseconds > 0);
    assert.ok(((await worker.memory()) ?? 0) > 10_000_000);
    const child = Number(textOf(await answer(worker, '')));
    await worker.stop();
    assert.deepEqual(await recorder.ended, {
      code: null,
      signal: 'SIGTERM',
      reason: 'it was stopped',
    });
    assert.equal(await worker.memory(), undefined);
    assert.ok(!isRunning(child));
    const mine = `sconce-worker-${process.pid}-`;
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith(mine)),
      [],
    );
    await worker.stop();
  },
);

/** Not a process that has ended and that nobody has waited for. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerProcess } from '../../src/python/worker-process.js';
import { withoutPython } from '../support/python.js';
import { answer, answers, request, startHandler, textOf } from './worker-sandbox.js';

const options = { skip: withoutPython };

/** A handler that does what the body of its first request says. */
const obedient = `
import ctypes, json, os, signal, sys, threading
from ts.utils.util import PredictionException
def handle(data, context):
    if data is None:
        return None
    result = ["fine"] * len(data)
    exec(data[0]["body"].decode(), globals() | {"data": data, "context": context, "result": result})
    return globals().pop("instead", result)
`;

async function outcome(worker: WorkerProcess, code: string): Promise<[number, string, string]> {
  const [response, ...more] = await answers(worker, request('a', code), request('b', ''));
  assert.deepEqual(more, []);
  assert.deepEqual(
    response?.replies.map(({ requestId }) => requestId),
    ['a', 'b'],
  );
  const texts = response?.replies.map(textOf).join(' ') ?? '';
  return [response?.code ?? 0, response?.message ?? '', texts];
}

test(
  'what a handler does wrong is told for the batch, and the worker goes on',
  options,
  async () => {
    await using sandbox = await startHandler(obedient);
    const { worker } = sandbox;
    for (const [code, expected] of [
      ['raise ValueError("no")', [503, 'Prediction failed', 'error error']],
      ['raise PredictionException("too young", 418)', [418, 'too young', 'error error']],
      ['raise PredictionException("é" * 100_000)', [500, 'é'.repeat(100_000), 'error error']],
      ['raise MemoryError()', [507, 'Out of resources', 'error error']],
      ['raise RuntimeError("CUDA error: no")', [507, 'Out of resources', 'error error']],
      ['result.pop()', [503, 'number of batch response mismatched', 'error error']],
      ['import builtins', [200, 'Prediction success', 'fine fine']],
      ['result[1] = {1}', [503, 'Unsupported model output data type.', 'error error']],
      ['result[1] = b""', [200, 'Prediction success', 'fine ']],
      [
        'result[:] = ["😀", {"a": [1]}]',
        [200, 'Prediction success', '😀 {\n  "a": [\n    1\n  ]\n}'],
      ],
    ] as const) {
      assert.deepEqual(await outcome(worker, code), expected, code);
    }
  },
);

test('a handler that answers no list is told so', options, async () => {
  await using sandbox = await startHandler('def handle(data, context):\n    return "text"\n');
  const [response] = await answers(sandbox.worker, request('a', ''));
  assert.deepEqual([response?.code, response?.message], [503, 'Invalid model predict output']);
});

for (const [what, code, row, reason] of [
  ['exits', 'os._exit(3)', 'WORKER_DIED', /^it ended with code 3/],
  ['exits as a process that was killed', 'os._exit(137)', 'WORKER_OUT_OF_MEMORY', /SIGKILL/],
  ['crashes', 'ctypes.string_at(0)', 'WORKER_DIED', /^it died of SIGSEGV$/],
  ['aborts', 'print("why", flush=True); os.abort()', 'WORKER_DIED', /^it died of SIGABRT: .*why/],
  ['is killed', 'os.kill(os.getpid(), 9)', 'WORKER_OUT_OF_MEMORY', /when memory runs out$/],
  ['calls sys.exit()', 'sys.exit(0)', 'WORKER_DIED', /^it ended with code 0/],
  [
    'answers a status that is none',
    'context.set_response_status("x", "", 0)',
    'WORKER_DIED',
    /error: required argument is not an integer/,
  ],
  [
    'closes the socket',
    'context.cl_socket.close()',
    'WORKER_DIED',
    /^it ended with code 1: OSError: \[Errno 9\]/,
  ],
  [
    'writes to the socket',
    'context.cl_socket.sendall(b"Hello, world")',
    'WORKER_DIED',
    /^its response is malformed at byte 8: /,
  ],
] as const) {
  test(`a handler that ${what} ends its worker, and the batch is told why`, options, async () => {
    await using sandbox = await startHandler(obedient);
    await answer(sandbox.worker, 'pass');
    await assert.rejects(answer(sandbox.worker, code), (error) => {
      assert.ok(error instanceof Error && 'code' in error && 'reason' in error);
      assert.equal(error.code, row);
      assert.match(String(error.reason), reason);
      return true;
    });
    assert.match((await sandbox.recorder.ended).reason, reason);
    await assert.rejects(answer(sandbox.worker, 'pass'), { code: row });
  });
}

test('an exception of an earlier batch is not the reason of a death', options, async () => {
  await using sandbox = await startHandler(obedient);
  await outcome(sandbox.worker, 'raise ValueError("earlier")');
  await assert.rejects(answer(sandbox.worker, 'os._exit(3)'), (error) => {
    assert.ok(error instanceof Error && 'reason' in error);
    return /^it ended with code 3/.test(String(error.reason));
  });
});

test('a handler that hangs ends when it is killed', options, async () => {
  await using sandbox = await startHandler(obedient);
  const { worker, recorder } = sandbox;
  const hanging = answer(worker, 'print("hangs"); threading.Event().wait()');
  hanging.catch(() => {});
  await recorder.printed('hangs');
  worker.kill();
  await assert.rejects(hanging, { code: 'WORKER_DIED', reason: 'it was stopped' });
});

test('a handler that holds off SIGTERM ends all the same', options, async () => {
  await using sandbox = await startHandler(obedient);
  const ignore = 'signal.signal(signal.SIGTERM, signal.SIG_IGN)';
  await answer(sandbox.worker, ignore);
  await sandbox.worker.stop();
  assert.equal((await sandbox.recorder.ended).signal, 'SIGKILL');
});

test(
  'a handler that prints much is passed on whole, and a line without end is cut',
  options,
  async () => {
    await using sandbox = await startHandler(obedient);
    const { worker, recorder } = sandbox;
    await answer(
      worker,
      'for i in range(20_000): print("line", i)\nsys.stdout.write("x" * 1_000_000)',
    );
    await answer(worker, 'sys.stdout.buffer.write(b"\\xff\\n")\nprint("after")');
    await recorder.printed('after');
    const lines = recorder.lines.filter(({ text }) => /^line \d+$/.test(text));
    assert.equal(lines.length, 20_000);
    const longest = Math.max(...recorder.lines.map(({ text }) => text.length));
    assert.ok(longest < 100_000, String(longest));
  },
);

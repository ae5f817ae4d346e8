import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isProcessAlive } from '../../src/process-alive.js';
import { WorkerProcess } from '../../src/python/worker-process.js';
import { until } from '../support/condition.js';
import { root } from '../support/paths.js';
import { withoutPython } from '../support/python.js';
import {
  Folder,
  fakePython,
  fakeSource,
  Recorder,
  startFake,
  startHandler,
  workerOptions,
} from './worker-sandbox.js';

const real = { skip: withoutPython };

const initialize = (line: string) => `
import os, sys
class Handler:
    def initialize(self, context):
        ${line}
    def handle(self, data, context):
        return data
`;

for (const [what, source, code, reason] of [
  [
    'imports what is not there',
    'import foo',
    'WORKER_START_FAILED',
    /: ModuleNotFoundError: No module named 'foo'$/,
  ],
  [
    'has a syntax error',
    'def :',
    'WORKER_START_FAILED',
    /: SyntaxError: invalid syntax \(handler\.py, line 1\)$/,
  ],
  [
    'has two classes',
    'class A: pass\nclass B: pass',
    'WORKER_START_FAILED',
    /Expected only one class/,
  ],
  ['has no handle()', 'class A: pass', 'WORKER_START_FAILED', /Expect handle method in class/],
  [
    'throws',
    initialize('raise KeyError("labels")'),
    'WORKER_START_FAILED',
    /: KeyError: 'labels'$/,
  ],
  [
    'throws a RuntimeError',
    initialize('raise RuntimeError("no weights")'),
    'WORKER_START_FAILED',
    /started: RuntimeError: no weights$/,
  ],
  ['has no memory', initialize('raise MemoryError("much")'), 'OUT_OF_MEMORY', /MemoryError: much$/],
  ['exits', initialize('os._exit(7)'), 'WORKER_START_FAILED', /it ended with code 7/],
  ['is killed', initialize('os.kill(os.getpid(), 9)'), 'OUT_OF_MEMORY', /SIGKILL/],
] as const) {
  test(`a handler that ${what} does not start, and it is said why`, real, async () => {
    await assert.rejects(startHandler(source), { code, message: reason });
    assertNothingLeft();
  });
}

test('a handler that is nowhere is named', real, async () => {
  await assert.rejects(startHandler('', { handler: 'absent.py' }), {
    message: /: ModuleNotFoundError: No module named 'absent'$/,
  });
});

test('an interpreter that is not there, or a folder, is told', async () => {
  const python = { executable: '/nowhere/python', tsFolder: '/nowhere/ts', version: '' };
  using folder = new Folder();
  const start = (path: string, changes = { python }) =>
    WorkerProcess.start(workerOptions(path, changes), new Recorder());
  await assert.rejects(start(folder.path), { code: 'WORKER_START_FAILED', message: /ENOENT/ });
  await assert.rejects(start(join(folder.path, 'none'), { python: fakePython(folder) }), {
    code: 'WORKER_START_FAILED',
    message: /ENOENT/,
  });
  assertNothingLeft();
});

test('a worker that does not listen in time is killed, with its last words in the error', async () => {
  const source = 'print("thinking", flush=True)\nos.read(os.pipe()[0], 1)';
  await assert.rejects(startFake(source, { startupTimeout: 5 }), {
    code: 'WORKER_START_FAILED',
    message: /it did not load within startupTimeout \(5 s\); the last it printed: thinking$/,
  });
  assertNothingLeft();
});

test('a worker that does not answer LOAD in time is killed', async () => {
  const source = 'connection = listen()\nprint("loading")\nread_load()\nos.read(os.pipe()[0], 1)';
  await assert.rejects(startFake(source, { startupTimeout: 2 }), {
    message: /within startupTimeout/,
  });
  assertNothingLeft();
});

test('a start can be called off', async () => {
  const calledOff = new AbortController();
  const source = 'os.read(os.pipe()[0], 1)';
  const starting = startFake(source, { signal: calledOff.signal });
  calledOff.abort();
  await assert.rejects(starting, { message: /it was called off$/ });
  await assert.rejects(startFake(source, { signal: AbortSignal.abort() }), /it was called off$/);
  assertNothingLeft();
});

test('a LOAD that is refused without an exception is told in the words of the answer', async () => {
  const source =
    'connection = listen()\nread_load()\nsend(message(code=500, text="no idea"))\nsys.exit(1)';
  await assert.rejects(startFake(source), { message: /started: no idea$/ });
});

test('a LOAD that is answered with what is no message is told at once', async () => {
  const source = 'connection = listen()\nsend(b"Hello, world")\nos.read(os.pipe()[0], 1)';
  await assert.rejects(startFake(source), { message: /response is malformed at byte 8: / });
});

test('a worker that closes its socket during LOAD and ends is told by its end', async () => {
  const source = 'connection = listen()\nconnection.close()\nsys.exit("no model today")';
  await assert.rejects(startFake(source), { message: /ended with code 1: no model today$/ });
});

const linux = process.platform === 'linux' ? false : 'only Linux tells a process of its end';

test('no worker outlives a server that is killed, whatever it does', { skip: linux }, async () => {
  using folder = new Folder();
  const ready = 'load()\nprint("[PID]" + str(os.getpid()))\nos.read(os.pipe()[0], 1)';
  folder.write('ts/model_service_worker.py', fakeSource(ready));
  const options = workerOptions(folder.path, { python: fakePython(folder) });
  const module = JSON.stringify(join(root, 'dist/src/python/worker-process.js'));
  const server = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const { WorkerProcess } = await import(${module});
     const listener = { line() {}, metric() {}, exited() {} };
     const worker = await WorkerProcess.start(${JSON.stringify(options)}, listener);
     console.log(worker.pid);`,
  ]);
  const [printed]: [Buffer] = await once(server.stdout, 'data').then(([data]) => [data]);
  const pid = Number(printed.toString());
  assert.ok(isProcessAlive(pid));
  server.kill('SIGKILL');
  await until(() => !isProcessAlive(pid));
});

/** Neither the folder of a socket nor, with it, a process that knows of it. */
function assertNothingLeft(): void {
  const mine = `sconce-worker-${process.pid}-`;
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith(mine)),
    [],
  );
}

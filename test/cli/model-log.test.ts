import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ready } from '../support/cli-process.js';
import { HttpClient } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { Sandbox } from '../support/sandbox.js';

/** Starts a server with prints.pt, lets it print so many lines, and stops it. */
async function servePrinting(sandbox: Sandbox, count: number, ...args: string[]) {
  const server = sandbox.sconce(
    ...['serve', ...sandbox.serverFlags, '--models', `talker=${fixture('prints')}`, ...args],
  );
  const { inference } = await ready(server);
  const client = new HttpClient(inference);
  assert.equal((await client.predict('talker', [count, 0])).status, 200);
  client.close();
  server.kill();
  assert.deepEqual(await server.exit, { code: 0, signal: null });
  return server;
}

const printed = ['loaded', 'line 0', 'line 1'];

/** LibTorch reads the state of a module more than once. */
const withoutRepetition = (lines: readonly string[]): string[] => [...new Set(lines)];

suite('what models print', { concurrency: 2 }, () => {
  test('is in model_log.log, under the name of the worker', async () => {
    await using sandbox = new Sandbox();
    const server = await servePrinting(sandbox, 2, '--log-location', 'logs');
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3} /gm;
    const lines = sandbox.read('logs/model_log.log').replace(time, '').trim().split('\n');
    assert.deepEqual(
      withoutRepetition(lines),
      printed.map((line) => `[INFO ] W-9000-talker_1.0-stdout MODEL_LOG - ${line}`),
    );
    assert.doesNotMatch(server.stdout, /^(line|loaded)/m);
  });

  test('is in the JSON log without files', async () => {
    await using sandbox = new Sandbox();
    const server = await servePrinting(sandbox, 2);
    const lines = server.stderr
      .split('\n')
      .filter((line) => line.includes('"worker":'))
      .map((line) => line.replace(/"time":"[^"]+",/, ''));
    assert.deepEqual(
      withoutRepetition(lines),
      printed.map((line) => `{"level":30,"worker":"W-9000-talker_1.0","msg":"${line}"}`),
    );
    assert.doesNotMatch(server.stdout, /^(line|loaded)/m);
  });

  test('is counted there when it is more than can be logged', async () => {
    await using sandbox = new Sandbox();
    const count = 200_000;
    await servePrinting(sandbox, count, '--log-location', 'logs');
    const log = sandbox.read('logs/model_log.log');
    const logged = log.match(/ - line \d+$/gm) ?? [];
    const dropped = log.matchAll(
      /\[WARN \] W-9000-talker_1\.0-stderr MODEL_LOG - (\d+) more lines were printed faster than they can be logged, and dropped$/gm,
    );
    const sum = [...dropped].reduce((all, [, lines]) => all + Number(lines), 0);
    assert.ok(sum > 0);
    assert.equal(logged.length + sum, count);
  });
});

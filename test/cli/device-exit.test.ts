import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { CliProcess, freePorts, listening, ready } from '../support/cli-process.js';
import { failingOperators } from '../support/failing-device.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const broken = [-1, 0, 0];

/** A server whose model `faulty` fails as on a GPU that runs nothing any more. */
function serve(t: TestContext, ...args: string[]): CliProcess | undefined {
  const library = failingOperators(t);
  if (library === undefined) return undefined;
  const flags = [...freePorts, '--device', 'cpu', '--operator-libraries', library];
  return new CliProcess(['serve', ...flags, ...args]);
}

const models = ['--models', `faulty=${fixture('faulty')}`, `slow=${fixture('slow')}`];

/** Waits until a request is with the models. */
async function onePending(metrics: string): Promise<void> {
  const scraper = new HttpClient(metrics);
  let text = '';
  while (!/^sconce_pending_requests\{.*\} 1$/m.test(text)) {
    text = (await scraper.get('/metrics')).text;
  }
  scraper.close();
}

/** Has the device fail while `slow` computes for so many rounds. @returns what asked */
async function breakWhileBusy(server: CliProcess, rounds: number): Promise<HttpClient> {
  const { inference, metrics } = await ready(server);
  const busy = await RawConnection.open(inference);
  busy.send(rawRequest('/predictions/slow', `[${rounds}, 1]`));
  await onePending(metrics);
  const client = new HttpClient(inference);
  assert.equal((await client.predict('faulty', broken)).status, 503);
  return client;
}

suite('a server whose device fails', { concurrency: 2 }, () => {
  test('answers what it can, and exits with 75, saying why', async (t) => {
    await using server = serve(t, ...models);
    if (server === undefined) return;
    const { inference, metrics } = await ready(server);
    const busy = await RawConnection.open(inference);
    busy.send(rawRequest('/predictions/slow', '[20000, 1]'));
    await onePending(metrics);
    const client = new HttpClient(inference);
    const reply = await client.predict('faulty', broken);
    assert.equal(reply.status, 503);
    assert.match(
      Object(json(reply)).message,
      /^Device failure: cpu: CUDA error: device-side assert triggered/,
    );
    assert.deepEqual(JSON.parse((await busy.reply()).body), [20000, 1]);
    assert.deepEqual(await server.exit, { code: 75, signal: null });
    client.close();
    const lines = server.stderr.trim().split('\n');
    const told = lines.map((line) => JSON.parse(line)).find(({ exitCode }) => exitCode === 75);
    assert.equal(told?.level, 50);
    assert.equal(told?.device, 'cpu');
    assert.match(told?.msg, /CUDA error: .*The server ends now, for its supervisor to start it/);
  });

  test('gives up what does not end within drainTimeout', async (t) => {
    await using server = serve(t, '--drain-timeout', '1', ...models);
    if (server === undefined) return;
    const client = await breakWhileBusy(server, 100_000_000);
    assert.deepEqual(await server.exit, { code: 75, signal: null });
    client.close();
    assert.match(server.stderr, /"msg":"1 s are over: what is in flight is given up"\}\n$/);
  });

  test('exits with 75 also when a signal comes meanwhile', async (t) => {
    await using server = serve(t, '--drain-timeout', '2', ...models);
    if (server === undefined) return;
    const client = await breakWhileBusy(server, 100_000_000);
    server.kill();
    assert.deepEqual(await server.exit, { code: 75, signal: null });
    client.close();
  });

  test('exits with 75, not 1, when its only model fails in its warm-up', async (t) => {
    using folder = new TemporaryFolder();
    const model = join(folder.path, 'zeros.pt');
    copyFileSync(fixture('faulty_zeros'), model);
    writeFileSync(join(folder.path, 'zeros.yaml'), 'inputs:\n  - name: x\n    shape: [3]\n');
    await using server = serve(t, '--models', model);
    if (server === undefined) return;
    await listening(server);
    assert.deepEqual(await server.exit, { code: 75, signal: null });
    assert.doesNotMatch(server.stderr, /No model could be loaded/);
  });

  test('stays where the settings have it, and stops as any other', async (t) => {
    await using server = serve(t, '--on-device-failure', 'continue', ...models);
    if (server === undefined) return;
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    assert.equal((await client.predict('faulty', broken)).status, 503);
    assert.deepEqual(json(await client.predict('slow', [1, 2])), [1, 2]);
    assert.equal((await client.get('/ready')).status, 503);
    client.close();
    assert.doesNotMatch(server.stderr, /exitCode/);
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { suite, test } from 'node:test';
import { writeArchive } from '../../src/archive/write.js';
import { listening, ready } from '../support/cli-process.js';
import { HttpClient } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';
import { Sandbox } from '../support/sandbox.js';

const running = 'TorchServe is already running, please use torchserve --stop to stop TorchServe.\n';

/** Matrix products that keep slow.pt busy for longer than a stop takes to begin. */
const long = 300_000;

async function exitCode(process: { exit: Promise<{ code: number | null }> }): Promise<unknown> {
  return (await process.exit).code;
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Turns of the event loop until it is so. */
async function eventually(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10));
}

suite('a server in the background', { concurrency: 2 }, () => {
  test('is refused beside another one, of either command', async () => {
    await using sandbox = new Sandbox();
    await listening(sandbox.start('--start', '--dt'));
    const { pid } = sandbox;
    for (const where of ['--start', '--foreground']) {
      const second = sandbox.start(where);
      assert.deepEqual([await exitCode(second), second.stdout], [1, running]);
    }
    const third = sandbox.sconce('start');
    assert.equal(await exitCode(third), 1);
    assert.equal(
      third.stdout,
      'Sconce is already running, please use sconce stop to stop Sconce.\n',
    );
    const status = sandbox.sconce('status');
    assert.deepEqual(
      [await exitCode(status), status.stdout],
      [0, `Sconce runs as process ${pid}.\n`],
    );
    assert.equal(sandbox.pid, pid);
  });

  test('is started, found and stopped by sconce as well', async () => {
    await using sandbox = new Sandbox();
    const none = sandbox.sconce('status');
    assert.deepEqual([await exitCode(none), none.stdout], [3, 'Sconce is not running.\n']);
    const start = sandbox.sconce('start', ...sandbox.serverFlags, '--models', fixture('double'));
    const { inference } = await ready(start);
    assert.equal((await start.ended).code, 0);
    const client = new HttpClient(inference);
    assert.equal((await client.predict('double', [1])).text, '[\n  3.0\n]');
    client.close();
    const stop = sandbox.sconce('stop');
    assert.deepEqual([await exitCode(stop), stop.stdout], [0, 'Sconce has stopped.\n']);
    assert.deepEqual(sandbox.files, []);
    const again = sandbox.sconce('stop');
    assert.deepEqual(
      [await exitCode(again), again.stdout],
      [0, 'Sconce is not currently running.\n'],
    );
  });

  test('answers what is in flight before stop returns', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--start', '--dt', '--models', `slow=${fixture('slow')}`);
    const { inference, metrics } = await ready(start);
    const busy = await RawConnection.open(inference);
    busy.send(rawRequest('/predictions/slow', `[${long}, 1]`));
    const scraper = new HttpClient(metrics);
    await eventually(async () =>
      /^sconce_pending_requests\{.*\} 1$/m.test((await scraper.get('/metrics')).text),
    );
    scraper.close();
    const stop = sandbox.torchserve('--stop');
    let answered = false;
    const reply = busy.reply().then((got) => {
      answered = true;
      return got;
    });
    assert.deepEqual([await exitCode(stop), stop.stdout], [0, 'TorchServe has stopped.\n']);
    assert.ok(answered);
    assert.deepEqual(JSON.parse((await reply).body), [long, 1]);
    assert.deepEqual(sandbox.files, []);
  });

  test('is not there to be stopped', async () => {
    await using sandbox = new Sandbox();
    const stop = sandbox.torchserve('--stop');
    assert.deepEqual(
      [await exitCode(stop), stop.stdout],
      [0, 'TorchServe is not currently running.\n'],
    );
    const flag = sandbox.sconce('serve', '--stop');
    assert.deepEqual(
      [await exitCode(flag), flag.stdout],
      [0, 'Sconce is not currently running.\n'],
    );
  });

  test('is one in the foreground for stop and status when it is started so', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.sconce('start', '--foreground', ...sandbox.serverFlags);
    await listening(start);
    assert.equal(sandbox.pid, start.pid);
    assert.equal(await exitCode(sandbox.sconce('stop')), 0);
    assert.deepEqual(await start.exit, { code: 0, signal: null });
  });

  test('goes on when nobody reads what it prints', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--start', '--dt', '--models', `double=${fixture('double')}`);
    const { inference } = await ready(start);
    start.stopReading();
    await start.ended;
    const client = new HttpClient(inference);
    assert.equal((await client.predict('double', [1])).text, '[\n  3.0\n]');
    assert.equal((await client.predict('double', ['x'])).status, 400);
    client.close();
    assert.equal(await exitCode(sandbox.torchserve('--stop')), 0);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`ends when its start is given up by ${signal}`, async () => {
      await using sandbox = new Sandbox();
      const start = sandbox.start('--start', '--models', `double=${fixture('double')}`);
      await eventually(() => childrenOf(start.pid).length > 0);
      const [server = 0] = childrenOf(start.pid);
      start.kill(signal);
      // Its output ends with the last process that has it.
      const { code } = await start.exit;
      assert.equal(code, signal === 'SIGKILL' ? null : 1);
      assert.ok(!existsSync(`/proc/${server}/cwd`));
      assert.deepEqual(sandbox.files, []);
    });
  }

  for (const [what, text] of [
    ['of a process that has ended', '2147483647'],
    ['of a process that is no server', String(process.pid)],
    ['with something else in it', 'garbage\0'],
    ['without content', ''],
  ] as const) {
    test(`starts over a pid file ${what}`, async () => {
      await using sandbox = new Sandbox();
      sandbox.write('.model_server.pid', text);
      const stop = sandbox.torchserve('--stop');
      assert.deepEqual(
        [await exitCode(stop), stop.stdout],
        [0, 'TorchServe is not currently running.\n'],
      );
      const start = sandbox.start('--foreground', '--dt');
      await listening(start);
      assert.equal(sandbox.pid, start.pid);
      start.kill();
      assert.equal(await exitCode(start), 0);
      assert.deepEqual(sandbox.files, []);
    });
  }

  test('is refused when the pid file cannot be written', async () => {
    await using sandbox = new Sandbox();
    sandbox.folderAt('.model_server.pid');
    const start = sandbox.start('--start', '--dt');
    assert.equal(await exitCode(start), 1);
    assert.match(
      start.stderr,
      /^The pid file .* cannot be written: .*Name another folder with TMPDIR\.\n$/,
    );
    assert.deepEqual(sandbox.files, ['.model_server.pid']);
  });

  test('gives up a port that is taken, and its pid file', async (context) => {
    await using sandbox = new Sandbox();
    const other = createServer().listen(0, '127.0.0.1');
    context.after(() => other.close());
    await once(other, 'listening');
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const start = sandbox.start('--start', '--metrics-address', `http://127.0.0.1:${address.port}`);
    assert.equal(await exitCode(start), 1);
    assert.match(start.stderr, /^Invalid configuration: metricsAddress .* cannot be opened: .*\n$/);
    assert.deepEqual(sandbox.files, []);
  });
});

suite('a server that is stopped', { concurrency: 2 }, () => {
  test('during a download removes what it has of it, and exits 0', async (context) => {
    await using sandbox = new Sandbox();
    const store = sandbox.folderAt('store');
    const host = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '1000000' });
      response.write('PK');
    }).listen(0, '127.0.0.1');
    context.after(() => {
      host.close();
      host.closeAllConnections();
    });
    await once(host, 'listening');
    const address = host.address();
    assert.ok(typeof address === 'object' && address !== null);
    const url = `http://127.0.0.1:${address.port}/m.mar`;
    const requested = once(host, 'request');
    const start = sandbox.start(
      ...['--foreground', '--dt', '--allowed-urls', 'http://127.*', '--model-store', store],
      ...['--models', `m=${url}`, fixture('double')],
    );
    const { inference } = await listening(start);
    await requested;
    const client = new HttpClient(inference);
    // Neither ready nor unknown, as long as they may yet come.
    assert.equal((await client.get('/ready')).status, 503);
    assert.equal((await client.predict('double', [1])).status, 503);
    client.close();
    start.kill();
    assert.deepEqual(await start.exit, { code: 0, signal: null });
    assert.doesNotMatch(start.stdout + start.stderr, /Failed|could be loaded|Not served/);
    assert.deepEqual(sandbox.files, ['store']);
    assert.deepEqual(sandbox.filesOf('store'), []);
  });

  test('while its models load exits 0, and leaves nothing', async () => {
    await using sandbox = new Sandbox();
    const models = ['double', 'linear', 'pair', 'slow'].map(fixture);
    const start = sandbox.start('--foreground', '--models', ...models);
    await listening(start);
    start.kill();
    assert.deepEqual(await start.exit, { code: 0, signal: null });
    assert.doesNotMatch(start.stderr, /could be loaded/);
    assert.deepEqual(sandbox.files, []);
  });

  test('twice exits at once with 1, and leaves no key file', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--foreground', '--models', `slow=${fixture('slow')}`);
    const { inference, metrics } = await ready(start);
    const keys = JSON.parse(sandbox.read('key_file.json'));
    const busy = await RawConnection.open(inference);
    busy.send(
      rawRequest('/predictions/slow', `[${long * 100}, 1]`, {
        headers: [`authorization: Bearer ${keys.inference.key}`],
      }),
    );
    const scraper = new HttpClient(metrics);
    await eventually(async () =>
      /^sconce_pending_requests\{.*\} 1$/m.test((await scraper.get('/metrics')).text),
    );
    scraper.close();
    let ended = false;
    start.ended.then(() => {
      ended = true;
    });
    await eventually(() => {
      start.kill();
      return ended;
    });
    assert.deepEqual(await start.exit, { code: 1, signal: null });
    assert.deepEqual(sandbox.files, []);
    busy.destroy();
  });

  test('by SIGKILL leaves what the next start removes', async () => {
    await using sandbox = new Sandbox();
    await writeArchive({
      modelName: 'double',
      version: '1.0',
      serializedFile: fixture('double'),
      handler: 'tensor',
      exportPath: sandbox.folder,
    });
    const flags = ['--start', '--dt', '--model-store', '.', '--models', 'all'];
    await ready(sandbox.start(...flags));
    const { pid } = sandbox;
    const unpacked = `sconce-models-${process.getuid?.() ?? 0}`;
    assert.deepEqual(sandbox.filesOf(unpacked), [String(pid)]);
    process.kill(pid, 'SIGKILL');
    await ready(sandbox.start(...flags));
    assert.deepEqual(sandbox.filesOf(unpacked), [String(sandbox.pid)]);
    assert.equal(await exitCode(sandbox.torchserve('--stop')), 0);
    assert.deepEqual(sandbox.filesOf(unpacked), []);
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { CliProcess, freePorts, listening, ready } from '../support/cli-process.js';
import { HttpClient, json } from '../support/http-client.js';
import { alphaModel, fixture, root } from '../support/paths.js';
import { RawConnection, rawRequest } from '../support/raw-connection.js';

const run = promisify(execFile);

/** Matrix products that keep slow.pt busy for far longer than a shutdown takes to begin. */
const long = 300_000;

function serve(...args: string[]): CliProcess {
  return new CliProcess(['serve', ...freePorts, '--device', 'cpu', ...args]);
}

/** Fails unless the process ends with 1 and a message without a stack. */
async function assertRefused(server: CliProcess, message: RegExp): Promise<void> {
  const { code } = await server.exit;
  assert.equal(code, 1, server.stderr);
  assert.match(server.stderr, message);
  assert.doesNotMatch(server.stderr, /^\s+at /m);
}

/** Waits until the port is closed. */
async function refusesConnections(url: string): Promise<void> {
  for (;;) {
    try {
      const connection = await RawConnection.open(url);
      connection.destroy();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return;
      // Connections that were not accepted yet are reset when the port closes.
    }
  }
}

/** Resolves when the server has admitted one request that it has not answered. */
async function onePending(metrics: string): Promise<void> {
  const scraper = new HttpClient(metrics);
  let text = '';
  while (!/^sconce_pending_requests\{.*\} 1$/m.test(text)) {
    text = (await scraper.get('/metrics')).text;
  }
  scraper.close();
}

suite('sconce serve', () => {
  test('prints its configuration, its URLs, and a curl command that works', async () => {
    await using server = serve('--models', 'alpha_model=examples/alpha_model', '--batch-size', '7');
    const { inference, management, metrics, last } = await ready(server);
    assert.match(
      server.stdout,
      /^Sconce \d+\.\d+\.\d+, LibTorch \d+\.\d+\.\d+.*, \d+ cores\nConfiguration, besides defaults \(`sconce config` shows everything\):\n/,
    );
    for (const line of [
      'batchSize: 7 (--batch-size)',
      'loadModels: alpha_model=examples/alpha_model (--models)',
    ]) {
      assert.ok(server.stdout.includes(`\n  ${line}\n`), line);
    }
    assert.doesNotMatch(server.stdout, /freeze/);
    assert.match(
      server.stdout,
      /^Model alpha_model 1\.0 on cpu: 1 instance × \d+ threads?, batches of up to 32 rows, inputs features: float32\[n, 64\]$/m,
    );
    assert.equal(new Set([inference, management, metrics]).size, 3);
    const { stdout } = await run('/bin/sh', ['-c', `${last} --silent --fail`], { cwd: root });
    assert.match(stdout, /^\{\n {2}"prediction": \[\n {4}1\.1585\d+\n {2}\]\n\}$/);
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  test('without a model serves none and says how to name some', async () => {
    await using server = serve();
    const { last, management } = await ready(server);
    assert.equal(last, 'No model is served: name some with --models name=path');
    const client = new HttpClient(management);
    assert.deepEqual(json(await client.get('/models')), { models: [] });
    client.close();
    server.kill('SIGINT');
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  test('goes on when some models fail to load, and says why', async () => {
    await using server = serve('--models', `bad=${fixture('broken/empty')}`, fixture('double'));
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
    client.close();
    server.kill();
    assert.equal((await server.exit).code, 0);
    assert.match(
      server.stdout,
      /^Not served: Model "bad" Version 1\.0 cannot be loaded from .*empty\.pt/m,
    );
    assert.match(server.stderr, /Model \\"bad\\" Version 1\.0 cannot be loaded from .*empty\.pt/);
  });

  test('takes a signal that npm echoes for one signal', async () => {
    await using server = serve('--drain-timeout', '120', '--models', `slow=${fixture('slow')}`);
    const { inference, metrics } = await ready(server);
    const busy = await RawConnection.open(inference);
    busy.send(rawRequest('/predictions/slow', `[${long}, 1]`));
    await onePending(metrics);
    server.kill();
    server.kill();
    assert.deepEqual(JSON.parse((await busy.reply()).body), [long, 1]);
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  test('at SIGTERM answers what is in flight, refuses what is new, and exits 0', async () => {
    await using server = serve('--drain-timeout', '120', '--models', `slow=${fixture('slow')}`);
    const { inference, metrics } = await ready(server);
    const busy = await RawConnection.open(inference);
    const silent = await RawConnection.open(inference);
    busy.send(rawRequest('/predictions/slow', `[${long}, 1]`));
    await onePending(metrics);
    let answered = false;
    const reply = busy.reply().then((got) => {
      answered = true;
      return got;
    });
    server.kill();
    await refusesConnections(inference);
    assert.ok(!answered, 'new connections were taken until the last answer');
    assert.deepEqual(JSON.parse((await reply).body), [long, 1]);
    assert.equal((await reply).headers.get('connection'), 'close');
    assert.equal(await silent.closed(), '');
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });
});

test('exits after drainTimeout while the code of a handler holds its thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sconce-held-'));
  const wait = `while [ -e ${folder} ]; do sleep 0.05; done`;
  writeFileSync(
    join(folder, 'handler.mjs'),
    `import { execSync } from 'node:child_process';
     import { BaseHandler } from 'sconce';
     export class Held extends BaseHandler {
       preprocess() { execSync(${JSON.stringify(wait)}); }
     }`,
  );
  cpSync(fixture('double'), join(folder, 'model.pt'));
  mkdirSync(join(folder, 'MAR-INF'));
  const model = { modelName: 'held', handler: 'handler.mjs', serializedFile: 'model.pt' };
  writeFileSync(join(folder, 'MAR-INF', 'MANIFEST.json'), JSON.stringify({ model }));
  try {
    const timeouts = ['--drain-timeout', '1', '--default-response-timeout', '1'];
    await using server = serve(...timeouts, '--models', `held=${folder}`);
    const { inference } = await ready(server);
    const held = await RawConnection.open(inference);
    held.send(rawRequest('/predictions/held', '[1]'));
    assert.equal((await held.reply()).status, 504);
    server.kill();
    assert.deepEqual(await server.exit, { code: 1, signal: null });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

suite('sconce serve that is to stop while a batch does not end', { concurrency: 2 }, () => {
  async function busyServer(drainTimeout: string): Promise<CliProcess> {
    const server = serve('--drain-timeout', drainTimeout, '--models', `slow=${fixture('slow')}`);
    const { inference, metrics } = await ready(server);
    const busy = await RawConnection.open(inference);
    busy.send(rawRequest('/predictions/slow', '[100000000, 1]'));
    await onePending(metrics);
    return server;
  }

  test('gives up after drainTimeout, in its own words, and exits 1', async () => {
    await using server = await busyServer('1');
    server.kill();
    assert.deepEqual(await server.exit, { code: 1, signal: null });
    assert.match(
      server.stderr,
      /"msg":"drain_timeout \(1 s\) is over: what is in flight is given up"\}\n$/,
    );
    assert.doesNotMatch(server.stderr, /killed by timeout|"msg":"stopped"/);
  });
});

suite('sconce serve refuses', { concurrency: 2 }, () => {
  const flags: [string, string[], RegExp][] = [
    ['a flag that is not there', ['--no-such-flag'], /^error: unknown option '--no-such-flag'\n$/],
    [
      'a flag without its value',
      ['--batch-size'],
      /^error: option '--batch-size <value>' argument missing\n$/,
    ],
    [
      'a text for a number',
      ['--batch-size', 'many'],
      /^Invalid configuration: --batch-size "many" must be integer\n$/,
    ],
    [
      'a number out of bounds',
      ['--slab-memory', '0'],
      /^Invalid configuration: --slab-memory 0 must be >= 1\n$/,
    ],
    [
      'an address with a port out of bounds',
      ['--metrics-address', 'http://127.0.0.1:65536'],
      /^Invalid configuration: --metrics-address: Invalid port number: http:\/\/127\.0\.0\.1:65536\n$/,
    ],
    [
      'an unknown device',
      ['--device', 'tpu'],
      /^Invalid configuration: --device "tpu" must be auto, cpu, cuda or cuda:N\n$/,
    ],
    [
      'an unknown level',
      ['--log-level', 'loud'],
      /^Invalid configuration: --log-level "loud" must be one of /,
    ],
    [
      'a store that is not there',
      ['--model-store', '/no/store'],
      /^--model-store directory not found: \/no\/store\n$/,
    ],
    ['all of no store', ['--models', 'all'], /^--models all needs --model-store\n$/],
    [
      'a configuration file that is not there',
      ['--ts-config', '/no/file'],
      /^--ts-config file not found: \/no\/file\n$/,
    ],
  ];
  for (const [what, args, message] of flags) {
    test(`${what}, with one line`, async () => {
      await using server = serve(...args);
      await assertRefused(server, message);
    });
  }

  const models: [string, string[], RegExp][] = [
    ['a model that is not there', ['a=/no/such.pt'], /^Model not found at: \/no\/such\.pt\n$/],
    ['a folder without a model', ['docs'], /^Model "docs": it has no TorchScript file .*\n$/],
    ['a bad model name', [`a b=${alphaModel}`], /^the model name "a b" may hold .*\n$/],
    [
      'a device that is not there',
      [alphaModel, '--device', 'cuda:99'],
      /^Invalid configuration: device cuda:99 is not there: .*\n$/,
    ],
    [
      'models that are all broken',
      [fixture('broken/text'), fixture('broken/empty')],
      new RegExp(
        `^Model "text" Version 1\\.0 cannot be loaded from ${fixture('broken/text')}: .+\nModel "empty" .* from ${fixture('broken/empty')}: .+\n$`,
      ),
    ],
  ];
  for (const [what, args, message] of models) {
    test(`${what}, once it is clear that nothing can be served`, async () => {
      await using server = serve('--log-level', 'silent', '--models', ...args);
      await listening(server);
      await assertRefused(server, /^No model could be loaded\.\n/);
      assert.match(server.stderr.replace(/^.*\n/, ''), message);
    });
  }

  test('a port that is taken, with the setting', async (context) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    context.after(() => other.close());
    const address = other.address();
    assert.ok(typeof address === 'object' && address !== null);
    const { port } = address;
    await using server = serve('--management-address', `http://127.0.0.1:${port}`);
    await assertRefused(
      server,
      /^Invalid configuration: managementAddress http:\/\/127\.0\.0\.1:\d+ cannot be opened: .*EADDRINUSE.*\n$/,
    );
  });

  test('to start without the native addon, with the command that builds it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-unbuilt-'));
    cpSync(join(root, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const main = join(folder, 'dist/src/cli/main.js');
    await using server = new CliProcess(['serve', ...freePorts], { main });
    await assertRefused(server, /^The native addon is not built yet\. Run: npm run build:native\n/);
    rmSync(folder, { recursive: true });
  });
});

suite('sconce', () => {
  test('--version prints the version of the package', async () => {
    await using process = new CliProcess(['--version']);
    assert.deepEqual(await process.exit, { code: 0, signal: null });
    assert.match(process.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('serve --help lists the settings', async () => {
    await using process = new CliProcess(['serve', '--help']);
    assert.equal((await process.exit).code, 0);
    assert.match(process.stdout, /--job-queue-size <value>/);
  });
});

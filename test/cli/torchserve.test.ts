import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { CliProcess, listening, ready } from '../support/cli-process.js';
import { HttpClient, json } from '../support/http-client.js';
import { alphaModel, fixture, root } from '../support/paths.js';
import { Sandbox } from '../support/sandbox.js';

const archiver = join(root, 'dist/src/cli/torch-model-archiver.js');

async function archive(sandbox: Sandbox, ...args: string[]): Promise<void> {
  await using process = new CliProcess(args, { main: archiver, cwd: sandbox.folder });
  assert.deepEqual(await process.exit, { code: 0, signal: null }, process.stderr);
}

suite('torchserve', { concurrency: 2 }, () => {
  test('serves what the documentation of TorchServe starts', async () => {
    await using sandbox = new Sandbox();
    await archive(
      sandbox,
      ...['--model-name', 'alpha_model', '--version', '1.0', '--handler', 'tensor'],
      ...['--serialized-file', join(alphaModel, 'model.pt')],
      ...['--config-file', join(alphaModel, 'model-config.yaml')],
    );
    sandbox.write(
      'config.properties',
      [
        'inference_address=http://0.0.0.0:0',
        'management_address=http://0.0.0.0:0',
        'metrics_address=http://0.0.0.0:0',
        'job_queue_size=100',
        'batch_size=32',
        'max_batch_delay=100',
      ].join('\n'),
    );
    const start = sandbox.torchserve(
      ...['--start', '--model-store', '.', '--models', 'alpha_model=alpha_model.mar'],
      ...['--ts-config', 'config.properties'],
    );
    const { inference, management } = await ready(start);
    assert.deepEqual(await start.ended, { code: 0, signal: null });

    const keys = JSON.parse(sandbox.read('key_file.json'));
    const authorized = (kind: string) => ({
      headers: { authorization: `Bearer ${keys[kind].key}` },
    });
    const client = new HttpClient(inference);
    const body = readFileSync(join(alphaModel, 'request.json'));
    assert.equal((await client.predict('alpha_model', body)).status, 400);
    const reply = await client.predict('alpha_model', body, authorized('inference'));
    assert.match(reply.text, /^\{\n {2}"prediction": \[\n {4}1\.1585\d+\n {2}\]\n\}$/);
    client.close();
    const manager = new HttpClient(management);
    const options = { method: 'GET', ...authorized('management') };
    const [described] = [
      json(await manager.send('/models/alpha_model', undefined, options)),
    ].flat();
    manager.close();
    assert.ok(typeof described === 'object' && described !== null);
    assert.equal('batchSize' in described && described.batchSize, 32);
    assert.equal('maxBatchDelay' in described && described.maxBatchDelay, 100);

    const stop = sandbox.torchserve('--stop');
    assert.deepEqual(await stop.exit, { code: 0, signal: null });
    assert.equal(stop.stdout, 'TorchServe has stopped.\n');
    assert.deepEqual(
      [sandbox.has('key_file.json'), sandbox.has('.model_server.pid')],
      [false, false],
    );
  });

  test('serves several models, named with spaces or commas', async () => {
    await using sandbox = new Sandbox();
    const models = ['a=double.pt,b=linear.pt', 'c=pair.pt'];
    const store = join(root, 'test/fixtures/models');
    const start = sandbox.start(
      '--foreground',
      '--dt',
      '--model-store',
      store,
      '--models',
      ...models,
    );
    const { management } = await ready(start);
    assert.deepEqual(await modelNames(management), ['a', 'b', 'c']);
    assert.equal(sandbox.pid, start.pid);
    start.kill();
    assert.deepEqual(await start.exit, { code: 0, signal: null });
    assert.ok(!sandbox.has('.model_server.pid'));
  });

  test('serves all models of the store', async () => {
    await using sandbox = new Sandbox();
    for (const name of ['one', 'two']) {
      await archive(
        sandbox,
        ...['--model-name', name, '--version', '1', '--handler', 'tensor'],
        ...['--serialized-file', fixture('double')],
      );
    }
    const start = sandbox.start('--foreground', '--dt', '--model-store', '.', '--models', 'all');
    const { management } = await ready(start);
    assert.deepEqual(await modelNames(management), ['one', 'two']);
  });

  test('prints its versions', async () => {
    await using sandbox = new Sandbox();
    const process = sandbox.torchserve('--version');
    assert.deepEqual(await process.exit, { code: 0, signal: null });
    assert.match(process.stdout, /^TorchServe Version is 0\.12\.0\nSconce \d+\.\d+\.\d+\n$/);
  });

  test('takes the flags of TorchServe that have no effect, and says so', async () => {
    await using sandbox = new Sandbox();
    const meaningless = ['--workflow-store', '--log-config', '--cpp-log-config', '--ppath'];
    const start = sandbox.start(
      '--foreground',
      '--ncs',
      '--enable-model-api',
      ...meaningless.flatMap((flag) => [flag, '.']),
    );
    await listening(start);
    assert.equal([...start.stdout.matchAll(/^Note: --.* has no effect: /gm)].length, 4);
    assert.match(start.stdout, /^ {2}enableModelApi: true \(--enable-model-api\)$/m);
    assert.match(start.stdout, /^ {2}disableTokenAuthorization: false \(default of torchserve\)$/m);
    assert.ok(sandbox.has('key_file.json'));
    start.kill('SIGINT');
    assert.deepEqual(await start.exit, { code: 0, signal: null });
    assert.ok(!sandbox.has('key_file.json'));
  });
});

async function modelNames(management: string): Promise<string[]> {
  const client = new HttpClient(management);
  const { text } = await client.get('/models');
  client.close();
  return [...text.matchAll(/"modelName": "(.*)"/g)].map(([, name]) => name ?? '');
}

suite('torchserve', { concurrency: 2 }, () => {
  test('serves on when no model can be loaded', async () => {
    await using sandbox = new Sandbox();
    const broken = `broken=${fixture('broken/text')}`;
    const start = sandbox.start('--foreground', '--dt', '--models', 'none.mar', broken);
    const { inference } = await ready(start);
    assert.match(start.stdout, /^Not served: Model not found at: .*none\.mar/m);
    assert.match(start.stdout, /^Not served: Model "broken" Version 1\.0 cannot be loaded from /m);
    const client = new HttpClient(inference);
    assert.deepEqual(json(await client.get('/ping')), { status: 'Healthy' });
    client.close();
    start.kill();
    assert.deepEqual(await start.exit, { code: 0, signal: null });
  });

  test('logs its configuration in the lines that scripts look for', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--foreground', '--dt', '--number-of-gpu', '0');
    await listening(start);
    start.kill();
    await start.exit;
    const messages = start.stderr.split('\n').flatMap((line) => (line ? JSON.parse(line).msg : []));
    for (const line of [
      'Torchserve version: 0.12.0',
      'Number of GPUs: 0',
      'Config file: N/A',
      `Model Store: ${sandbox.folder}`,
      'Initial Models: N/A',
      'Allowed Urls: []',
      'Metrics mode: LOG',
      'Model API enabled: false',
    ]) {
      assert.ok(messages.includes(line), `${line} in\n${start.stderr}`);
    }
  });

  test('has the lines of its log files on the console, too', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--foreground', '--dt', '--log-location', 'logs');
    const { inference } = await listening(start);
    const client = new HttpClient(inference);
    assert.equal((await client.get('/ping')).status, 200);
    client.close();
    start.kill();
    assert.deepEqual(await start.exit, { code: 0, signal: null });
    const console = /^\S+ \[INFO \] main ACCESS_LOG - .*"GET \/ping HTTP\/1\.1" 200 \d+$/m;
    assert.match(start.stdout, console);
    assert.match(start.stdout, /^\S+ \[INFO \] main sconce - Model API enabled: false$/m);
    assert.match(sandbox.read('logs/ts_log.log'), /sconce - Model API enabled: false$/m);
    assert.equal(start.stderr, '');
  });

  test('has its own defaults in its help', async () => {
    await using sandbox = new Sandbox();
    const help = sandbox.torchserve('--help');
    assert.deepEqual(await help.exit, { code: 0, signal: null });
    assert.match(
      help.stdout.replace(/\s+/g, ' '),
      /--disable-token-authorization \[true\|false\] Ask for no tokens; `false` under the command `torchserve`\. \(default: false\)/,
    );
  });
});

suite('torchserve refuses', { concurrency: 2 }, () => {
  const cases: [string, string[], RegExp][] = [
    [
      'a configuration file that is not there',
      ['--ts-config', 'none.properties'],
      /^--ts-config file not found: none\.properties\n$/,
    ],
    [
      'a model store that is not there',
      ['--model-store', 'none'],
      /^--model-store directory not found: none\n$/,
    ],
  ];
  for (const where of ['--start', '--foreground']) {
    for (const [what, args, message] of cases) {
      test(`${what} (${where})`, async () => {
        await using sandbox = new Sandbox();
        const start = sandbox.start(where, ...args);
        assert.deepEqual(await start.exit, { code: 1, signal: null });
        assert.match(start.stderr, message);
        assert.deepEqual(sandbox.files, []);
      });
    }
  }

  test('to start without a model store', async () => {
    for (const where of ['--start', '--foreground']) {
      await using sandbox = new Sandbox();
      const start = sandbox.torchserve(...sandbox.serverFlags, where);
      assert.deepEqual(await start.exit, { code: 1, signal: null });
      assert.equal(start.stderr, 'Missing mandatory parameter --model-store\n');
      assert.doesNotMatch(start.stdout, /started/);
      assert.deepEqual(sandbox.files, []);
    }
  });

  test('a flag that is not there, as argparse does', async () => {
    for (const where of ['--start', '--foreground']) {
      await using sandbox = new Sandbox();
      const start = sandbox.start(where, '--no-such-flag');
      assert.deepEqual(await start.exit, { code: 2, signal: null });
      assert.match(start.stderr, /^error: unknown option '--no-such-flag'\n/);
      assert.deepEqual(sandbox.files, []);
    }
  });

  test('to start where the key file cannot be written, and leaves nothing', async () => {
    await using sandbox = new Sandbox();
    sandbox.folderAt('key_file.json');
    const start = sandbox.start('--start', '--models', `double=${fixture('double')}`);
    assert.deepEqual(await start.exit, { code: 1, signal: null });
    assert.match(
      start.stderr,
      /^the key file .*key_file\.json cannot be written: .*\. Start in a folder that may be written to, or set disable_token_authorization=true\n$/,
    );
    assert.doesNotMatch(start.stdout, /started/);
    assert.deepEqual(sandbox.files, ['key_file.json']);
  });

  test('to start with a log folder that cannot be written, on standard error', async () => {
    await using sandbox = new Sandbox();
    sandbox.write('logs', 'a file');
    const start = sandbox.start('--foreground', '--log-location', 'logs');
    assert.deepEqual(await start.exit, { code: 1, signal: null });
    assert.match(start.stderr, /^logLocation: access_log\.log cannot be written in .*\n$/);
    assert.deepEqual(sandbox.files, ['logs']);
  });

  test('to start with a log folder that no one can make', async () => {
    await using sandbox = new Sandbox();
    const start = sandbox.start('--foreground', '--log-location', '/proc/logs/here');
    assert.deepEqual(await start.exit, { code: 1, signal: null });
    assert.match(
      start.stderr,
      /^logLocation: access_log\.log cannot be written in \/proc\/logs\/here: ENOENT: .*\n$/,
    );
  });
});

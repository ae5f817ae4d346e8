import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { suite, test } from 'node:test';
import { writeArchive } from '../../src/archive/write.js';
import { type CliProcess, listening, ready } from '../support/cli-process.js';
import { HttpClient } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { Sandbox } from '../support/sandbox.js';

const flags = ['--foreground', '--dt', '--enable-model-api', '--config-snapshots'];

/** A server over a store with two archives. */
async function start(sandbox: Sandbox, ...args: string[]): Promise<CliProcess> {
  if (!sandbox.has('store')) {
    sandbox.folderAt('store');
    for (const name of ['double', 'linear']) await archive(sandbox, name);
  }
  return sandbox.start(...flags, '--model-store', 'store', ...args);
}

async function archive(sandbox: Sandbox, name: string): Promise<void> {
  await writeArchive({
    modelName: name,
    version: '1.0',
    serializedFile: fixture(name),
    handler: 'tensor',
    exportPath: `${sandbox.folder}/store`,
  });
}

async function stop(server: CliProcess): Promise<void> {
  server.kill();
  assert.deepEqual(await server.exit, { code: 0, signal: null });
}

async function served(management: string): Promise<(string | undefined)[]> {
  const client = new HttpClient(management);
  const { text } = await client.get('/models');
  client.close();
  return [...text.matchAll(/"modelName": "(.*)"/g)].map(([, name]) => name);
}

function kinds(sandbox: Sandbox): (string | undefined)[] {
  return sandbox.filesOf('logs/config').map((name) => /-(.*)\.cfg$/.exec(name)?.[1]);
}

suite('a server that writes snapshots', { concurrency: 2 }, () => {
  test('goes on where it was, unless it is told otherwise', async () => {
    await using sandbox = new Sandbox();
    const first = await start(sandbox, '--models', 'double.mar', '--batch-size', '5');
    const { management } = await ready(first);
    const client = new HttpClient(management);
    assert.equal((await client.send('/models?url=linear.mar&initial_workers=2')).status, 200);
    client.close();
    await stop(first);
    assert.deepEqual(kinds(sandbox), ['startup', 'snapshot', 'shutdown']);

    // Neither the store nor the models are named again.
    const again = sandbox.torchserve(...sandbox.serverFlags, ...flags, '--models', 'none.mar');
    assert.deepEqual(await served((await ready(again)).management), ['double', 'linear']);
    assert.match(
      again.stdout,
      /^Note: --models has no effect: the models are those of logs\/config\/\d+-shutdown\.cfg$/m,
    );
    assert.match(again.stdout, /^ {2}batchSize: 5 \(logs\/config\/\d+-shutdown\.cfg:\d+\)$/m);
    assert.match(again.stdout, /^Model linear 1\.0 on cpu: 2 instances/m);
    await stop(again);

    const afresh = await start(sandbox, '--ncs', '--models', 'linear.mar');
    assert.deepEqual(await served((await ready(afresh)).management), ['linear']);
    await stop(afresh);
    sandbox.write('named.properties', 'load_models=double.mar');
    const named = await start(sandbox, '--ts-config', 'named.properties');
    assert.deepEqual(await served((await ready(named)).management), ['double']);
    await stop(named);
  });

  test('passes over snapshots that are damaged, and says so', async () => {
    await using sandbox = new Sandbox();
    const first = await start(sandbox, '--models', 'double.mar');
    await ready(first);
    await stop(first);
    sandbox.write('logs/config/20990101000000001-snapshot.cfg', 'batch_size=many');
    sandbox.write('logs/config/20990101000000002-snapshot.cfg', 'model_snapshot={"models":');
    sandbox.write('logs/config/20990101000000003-snapshot.cfg', '');
    sandbox.write('logs/config/20990101000000004-snapshot.cfg.part', 'unfinished');
    const again = sandbox.torchserve(...sandbox.serverFlags, ...flags);
    assert.deepEqual(await served((await ready(again)).management), ['double']);
    const passedOver = [
      ...again.stdout.matchAll(/^Note: the snapshot .*(\d)-snapshot\.cfg is passed over: /gm),
    ];
    assert.deepEqual(
      passedOver.map(([, number]) => number),
      ['3', '2', '1'],
    );
    await stop(again);
    // What it wrote is newer than they are.
    assert.match(sandbox.filesOf('logs/config').at(-1) ?? '', /-shutdown\.cfg$/);
  });

  test('does not start afresh by itself when every snapshot is damaged', async () => {
    await using sandbox = new Sandbox();
    sandbox.folderAt('logs');
    sandbox.folderAt('logs/config');
    sandbox.write('logs/config/20990101000000001-snapshot.cfg', '');
    const server = await start(sandbox, '--models', 'double.mar');
    assert.deepEqual(await server.exit, { code: 1, signal: null });
    assert.match(
      server.stderr,
      /^No snapshot in logs\/config can be read; start without them with --no-config-snapshots\.\nthe snapshot /,
    );
  });

  test('keeps a snapshot whose archive is missing, for when it is back', async () => {
    await using sandbox = new Sandbox();
    const first = await start(sandbox, '--models', 'all');
    await ready(first);
    await stop(first);
    const before = sandbox.filesOf('logs/config');
    rmSync(`${sandbox.folder}/store/linear.mar`);
    const second = sandbox.torchserve(...sandbox.serverFlags, ...flags);
    assert.deepEqual(await second.exit, { code: 1, signal: null });
    assert.match(
      second.stderr,
      /^model_snapshot: model linear version 1\.0 cannot be restored; .*: Model not found at: linear\.mar$/m,
    );
    assert.deepEqual(sandbox.filesOf('logs/config'), before);
    await archive(sandbox, 'linear');
    const third = sandbox.torchserve(...sandbox.serverFlags, ...flags);
    assert.deepEqual(await served((await ready(third)).management), ['double', 'linear']);
  });

  test('writes none of a start without any of its models', async () => {
    await using sandbox = new Sandbox();
    const server = await start(sandbox, '--models', 'none.mar');
    await ready(server);
    await stop(server);
    assert.equal(sandbox.has('logs/config'), false);
  });

  test('serves although they cannot be written', async () => {
    await using sandbox = new Sandbox();
    sandbox.write('logs', 'a file');
    const server = await start(sandbox, '--models', 'double.mar');
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    assert.equal((await client.predict('double', [1])).status, 200);
    client.close();
    await stop(server);
    assert.match(server.stderr, /"msg":"no snapshot could be written to logs\/config"/);
  });

  test('has the snapshot before when it is killed', async () => {
    await using sandbox = new Sandbox();
    const first = await start(sandbox, '--models', 'all');
    await ready(first);
    first.kill('SIGKILL');
    await first.exit;
    assert.deepEqual(kinds(sandbox), ['startup']);
    const second = sandbox.torchserve(...sandbox.serverFlags, ...flags);
    await listening(second);
    assert.deepEqual(await served((await ready(second)).management), ['double', 'linear']);
  });
});

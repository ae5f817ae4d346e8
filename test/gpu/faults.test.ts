import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { GraphCapture } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { closeOpenModels, OpenModel } from '../native/open-model.js';
import { CliProcess, freePorts, ready } from '../support/cli-process.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture, fixtures } from '../support/paths.js';
import { source, startServer } from '../support/server.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

after(closeOpenModels);

const mebibyte = 2 ** 20;

function reservedBytes(): number {
  const used = addon().deviceStatistics();
  return used.reduce((sum, { reservedBytes: bytes }) => sum + bytes, 0);
}

/** What the driver says of the device; undefined where it says nothing. */
async function usedBytes(): Promise<number | undefined> {
  const { gpus } = await addon().readGpus();
  return gpus.find(({ deviceId }) => `cuda:${deviceId}` === gpuDevice)?.memoryUsedBytes;
}

/** A model of 64 MiB, with everything that an instance has on the device. */
async function loadAndClose(path: string): Promise<void> {
  const model = await OpenModel.load(path, {
    devices: [gpuDevice],
    instances: 2,
    graphs: true,
    // The first graph of each instance takes a workspace of cuBLAS: tens of MiB on large GPUs.
    graphMemory: 512 * mebibyte,
  });
  const warmed = once(model, 'warmed');
  await model.warmUp([4096], [1, 4]);
  const [event] = await warmed;
  const graphs: GraphCapture[] = event.graphs ?? [];
  assert.deepEqual(
    graphs.map(({ rows, problem }) => [rows, problem]),
    [
      [1, undefined],
      [4, undefined],
    ],
  );
  const slab = model.addSlab([{ dtype: 'float32', dims: [4096] }], 4, 4 * 4096 * 4);
  slab.put(new Array(4096).fill(1));
  const { errors } = await model.run(slab);
  assert.equal(errors, undefined);
  await model.close();
}

suite('memory of a GPU', () => {
  gpuTest('comes back when a model is unloaded, a hundred times', async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, 'wide.pt');
    writeFileSync(path, gunzipSync(readFileSync(join(fixtures, 'wide.pt.gz'))));
    // Libraries that CUDA loads, and contexts of cuBLAS, stay.
    for (let i = 0; i < 5; i += 1) await loadAndClose(path);
    const [reserved, used] = [reservedBytes(), await usedBytes()];
    for (let i = 0; i < 100; i += 1) await loadAndClose(path);
    assert.ok(reservedBytes() <= reserved, `${reservedBytes()} bytes reserved, ${reserved} before`);
    const now = await usedBytes();
    if (used === undefined || now === undefined) return;
    assert.ok(now <= used + 64 * mebibyte, `${now} bytes used, ${used} before`);
  });

  gpuTest('that one batch asks too much of costs that batch alone', async () => {
    await using server = await startServer([source('greedy')], { device: gpuDevice });
    const { client } = server;
    const before = reservedBytes();
    for (let i = 0; i < 3; i += 1) {
      const refused = await client.predict('greedy', [1e9, 1]);
      assert.equal(refused.status, 507, refused.text);
      assert.match(Object(json(refused)).message, /^Out of resources: /);
      assert.deepEqual(json(await client.predict('greedy', [1, 2])), [1, 2]);
    }
    assert.equal((await client.get('/ready')).status, 200);
    assert.ok(reservedBytes() <= before + 64 * mebibyte);
  });
});

/** A server with a model on the GPU that a request can break, and one on the CPU. */
function serve(folder: string, ...args: string[]): CliProcess {
  const inputs = 'inputs:\n  - name: ids\n    dtype: int64\n    shape: [2]\n';
  for (const [name, configuration] of [
    ['picks', `device: ${gpuDevice}\n${inputs}`],
    ['double', 'device: cpu\n'],
  ] as const) {
    copyFileSync(fixture(name), join(folder, `${name}.pt`));
    writeFileSync(join(folder, `${name}.yaml`), configuration);
  }
  const models = ['picks', 'double'].map((name) => join(folder, `${name}.pt`));
  return new CliProcess(['serve', ...freePorts, ...args, '--models', ...models]);
}

const assertion = /^Device failure: cuda:\d+: CUDA error: device-side assert triggered/;

suite('an assertion that fails on a GPU', () => {
  gpuTest('is 503 for its requests, and the end of the server with 75', async () => {
    using folder = new TemporaryFolder();
    await using server = serve(folder.path);
    const { inference } = await ready(server);
    const client = new HttpClient(inference);
    assert.deepEqual(json(await client.predict('picks', [0, 9])), [
      [0, 1],
      [18, 19],
    ]);
    const reply = await client.predict('picks', [0, 1_000_000]);
    assert.equal(reply.status, 503);
    assert.match(Object(json(reply)).message, assertion);
    assert.deepEqual(await server.exit, { code: 75, signal: null });
    client.close();
    assert.match(server.stderr, /"exitCode":75/);
    assert.match(server.stderr, /the device failed while it ran these requests/);
  });

  gpuTest('leaves models on other devices, where the settings have it', async () => {
    using folder = new TemporaryFolder();
    await using server = serve(
      folder.path,
      ...['--on-device-failure', 'continue', '--enable-model-api'],
    );
    const { inference, management } = await ready(server);
    const client = new HttpClient(inference);
    const manager = new HttpClient(management);
    assert.equal((await client.predict('picks', [0, 1_000_000])).status, 503);
    assert.equal((await client.predict('picks', [0, 1])).status, 503);
    assert.deepEqual(json(await client.predict('double', [1])), [3]);
    const unready = await client.get('/ready');
    assert.equal(unready.status, 503);
    assert.match(Object(json(unready)).waitingFor.picks, assertion);
    assert.equal((await client.get('/ping')).status, 500);
    const again = await manager.send('/models/picks?min_worker=1&synchronous=true', undefined, {
      method: 'PUT',
    });
    assert.equal(again.status, 503);
    assert.match(Object(json(again)).message, assertion);
    assert.equal(
      (await manager.send('/models/picks', undefined, { method: 'DELETE' })).status,
      200,
    );
    assert.equal((await client.get('/ready')).status, 200);
    client.close();
    manager.close();
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });

  gpuTest('is not reached by an index that is no row of its embedding', async () => {
    await using server = await startServer([source('embedding')], { device: gpuDevice });
    const { client } = server;
    for (const ids of [[10], [-1], [0, 1_000_000_000]]) {
      const reply = await client.predict('embedding', ids);
      assert.equal(reply.status, 400, reply.text);
      assert.match(Object(json(reply)).message, /expected an integer from 0 to 9, found/);
    }
    assert.equal((await client.predict('embedding', [0, 9])).status, 200);
    assert.equal((await client.get('/ready')).status, 200);
  });
});

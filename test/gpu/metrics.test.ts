import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Metrics } from '../../src/metrics/metrics.js';
import type { NativeGpuReading } from '../../src/native/addon.js';
import { addon } from '../../src/native/binding.js';
import { readGpus } from '../../src/native/gpus.js';
import { gpuDevice, gpuTest } from '../support/gpu.js';
import { HttpClient, json } from '../support/http-client.js';
import { source, startServer, type TestServer } from '../support/server.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../native/read-gpus-program.js', import.meta.url));

/** What a process reads. */
async function readIn(env: NodeJS.ProcessEnv = {}): Promise<NativeGpuReading> {
  const options = { env: { ...process.env, ...env } };
  return JSON.parse((await run(process.execPath, [program], options)).stdout);
}

/** What a process reads that sees these GPUs by CUDA. */
function readSeeing(devices: string): Promise<NativeGpuReading> {
  return readIn({ CUDA_VISIBLE_DEVICES: devices, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
}

/** False, after the test was skipped, where the driver's library is not to be had. */
function isRead(t: TestContext, { gpus, problem }: NativeGpuReading): boolean {
  if (gpus.length > 0) return true;
  t.skip(`the driver tells of no GPU: ${problem}`);
  return false;
}

/** A server with a model on the GPU that has answered `requests` requests, one after the other. */
async function servedOnGpu(requests: number): Promise<TestServer> {
  const metrics = new Metrics({
    mode: 'prometheus',
    hostname: 'vm',
    gpus: { read: readGpus, statistics: () => addon().deviceStatistics() },
  });
  const server = await startServer([source('double')], { device: gpuDevice }, { metrics });
  for (let request = 0; request < requests; request++) {
    assert.deepEqual(json(await server.client.predict('double', [request])), [2 * request + 1]);
  }
  return server;
}

gpuTest('the driver’s GPUs are found again among those of CUDA', async (t) => {
  const reading = await readIn();
  if (!isRead(t, reading)) return;
  const numbers = reading.gpus.flatMap(({ deviceId }) => deviceId ?? []);
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    Array.from({ length: addon().cudaDeviceCount() }, (_, number) => number),
  );
  for (const { name, memoryUsedBytes, memoryTotalBytes } of reading.gpus) {
    assert.notEqual(name, '');
    assert.ok(memoryTotalBytes > 0 && memoryUsedBytes <= memoryTotalBytes);
  }
});

gpuTest('a process that sees no GPU has none of their numbers', async (t) => {
  const reading = await readSeeing('');
  if (!isRead(t, reading)) return;
  for (const { deviceId } of reading.gpus) assert.equal(deviceId, null);
});

gpuTest('numbers are those of CUDA, in whichever order it counts', { gpus: 2 }, async (t) => {
  const reading = await readSeeing('1,0');
  if (!isRead(t, reading)) return;
  assert.deepEqual(
    reading.gpus.slice(0, 2).map(({ deviceId }) => deviceId),
    [1, 0],
  );
});

gpuTest('what instances do on a GPU is counted and timed', async () => {
  await using server = await servedOnGpu(20);
  const samples = await deviceSamples(server);
  const value = (name: string) => samples.get(`sconce_device_${name}`) ?? Number.NaN;
  assert.ok(value('batches_total') >= 20, 'batches');
  assert.ok(value('graph_batches_total') <= value('batches_total'), 'graphs');
  for (const time of ['copy_in', 'compute', 'copy_out', 'busy']) {
    assert.ok(value(`${time}_seconds_total`) > 0, time);
  }
  // The time in which something is computed is no longer than all computations one after the other.
  assert.ok(value('busy_seconds_total') <= value('compute_seconds_total') * 1.001);
  assert.ok(value('allocated_bytes') > 0);
  assert.ok(value('reserved_bytes') >= value('allocated_bytes'));
});

gpuTest('the management API and the metrics show what the driver says', async (t) => {
  if (!isRead(t, await readIn())) return;
  await using server = await servedOnGpu(1);
  const client = new HttpClient(server.addresses.management);
  const described = JSON.stringify(json(await client.get('/models/double')));
  client.close();
  const number = gpuDevice.slice('cuda:'.length);
  const usage = `"gpu":true,"gpuUsage":"gpuId::${number} utilization\\.gpu \\[%\\]::(\\d+ %|\\[N/A\\]) utilization\\.memory \\[%\\]::(\\d+ %|\\[N/A\\]) memory\\.used \\[MiB\\]::[1-9]\\d* MiB"`;
  assert.match(described, new RegExp(usage));
  server.metrics.startSystemMetrics({ intervalSeconds: 3600 });
  let text = '';
  while (!text.includes(`GPUMemoryUsed{Level="Host",DeviceId="${number}",Hostname="vm",}`)) {
    text = await server.metrics.text();
    await nextTurn();
  }
  server.metrics.close();
  const samples = await deviceSamples(server);
  const used = samples.get('sconce_device_memory_used_bytes') ?? 0;
  assert.ok(used > 0 && used <= (samples.get('sconce_device_memory_total_bytes') ?? 0));
});

/** Values of the samples with the device of the tests, by name. */
async function deviceSamples({ metrics }: TestServer): Promise<Map<string, number>> {
  const text = await metrics.text();
  return new Map(
    [...text.matchAll(/^(\w+)\{device="(cuda:\d+)"\} (\S+)$/gm)].flatMap(
      ([, name = '', device, value]) => (device === gpuDevice ? [[name, Number(value)]] : []),
    ),
  );
}

test('statistics name each GPU once', () => {
  const names = addon()
    .deviceStatistics()
    .map(({ device }) => device);
  assert.equal(new Set(names).size, names.length);
});

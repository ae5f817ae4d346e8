import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { suite, test } from 'node:test';
import { type CliAddresses, CliProcess, freePorts, ready } from '../support/cli-process.js';
import { HttpClient, json } from '../support/http-client.js';
import { fixture } from '../support/paths.js';
import { requirePython, withoutPython } from '../support/python.js';
import { PythonModels } from '../support/python-model.js';
import { TestNvml, withoutTestNvml } from '../support/test-nvml.js';

/** A server that shows TorchServe's metrics at /metrics, measured every second. */
function serve(env: NodeJS.ProcessEnv): CliProcess {
  return new CliProcess(
    [
      ...['serve', ...freePorts, '--device', 'cpu', '--models', `double=${fixture('double')}`],
      ...['--metrics-mode', 'prometheus', '--metric-time-interval', '1'],
    ],
    { env },
  );
}

async function scrape({ metrics }: CliAddresses): Promise<string[]> {
  const client = new HttpClient(metrics);
  try {
    return (await client.get('/metrics')).text.split('\n');
  } finally {
    client.close();
  }
}

/** Scrapes until a sample begins with `start`. */
async function scraped(
  addresses: CliAddresses,
  start: string,
  before = () => {},
): Promise<string[]> {
  for (;;) {
    before();
    const lines = await scrape(addresses);
    if (lines.some((line) => line.startsWith(start))) return lines;
  }
}

function warnings(server: CliProcess): string[] {
  return server.stderr.split('\n').filter((line) => line.includes('GPUs cannot be measured'));
}

suite('a server with GPUs', { skip: withoutTestNvml }, () => {
  test('shows them in TorchServe’s metrics and in its own', async () => {
    using nvml = new TestNvml();
    await using server = serve(nvml.env);
    const lines = await scraped(await ready(server), 'GPUUtilization{');
    const host = hostname();
    const labels = (id: number) => `{Level="Host",DeviceId="${id}",Hostname="${host}",}`;
    assert.deepEqual(
      lines.filter((line) => line.startsWith('GPU')),
      [
        `GPUMemoryUtilization${labels(0)} 0.8313000404615064`,
        `GPUMemoryUtilization${labels(1)} 0.0`,
        `GPUMemoryUsed${labels(0)} 678.0`,
        `GPUMemoryUsed${labels(1)} 0.0`,
        `GPUUtilization${labels(0)} 34.0`,
      ],
    );
    assert.ok(lines.includes('sconce_device_utilization_ratio{device="cuda:0"} 0.34'));
    assert.ok(lines.includes('sconce_device_memory_total_bytes{device="cuda:1"} 24146608128'));
    assert.deepEqual(warnings(server), []);
  });

  test('says once which GPU cannot be measured', async () => {
    using nvml = new TestNvml();
    await using server = serve({ ...nvml.env, TEST_NVML: 'lost' });
    const addresses = await ready(server);
    const lines = await scraped(addresses, 'GPUUtilization{');
    assert.ok(!lines.some((line) => line.includes('DeviceId="1"')));
    for (let scrapes = 0; scrapes < 3; scrapes++) await scrape(addresses);
    server.kill();
    assert.equal((await server.exit).code, 0);
    assert.equal(warnings(server).length, 1);
    assert.match(server.stderr, /GPUs cannot be measured: GPU 1: GPU is lost/);
  });

  test('has no word for a machine without a driver', async () => {
    using nvml = new TestNvml();
    await using server = serve({ ...nvml.env, TEST_NVML: 'no-driver' });
    const lines = await scraped(await ready(server), 'CPUUtilization{');
    assert.ok(!lines.some((line) => line.startsWith('GPU')));
    assert.deepEqual(warnings(server), []);
  });

  test('answers everything else while the driver hangs, and shows GPUs when it does no more', async () => {
    using nvml = new TestNvml();
    const gate = nvml.gate();
    await using server = serve(gate.env);
    const addresses = await ready(server);
    const client = new HttpClient(addresses.inference);
    for (let requests = 0; requests < 10; requests++) {
      assert.equal((await client.get('/ping')).status, 200);
      assert.deepEqual(json(await client.predict('double', [1])), [3]);
    }
    client.close();
    const lines = await scraped(addresses, 'CPUUtilization{');
    assert.ok(!lines.some((line) => line.startsWith('GPU')));
    await scraped(addresses, 'GPUUtilization{', gate.open);
  });

  test('describes its workers with the GPU that they run on', { skip: withoutPython }, async () => {
    using nvml = new TestNvml();
    using models = new PythonModels();
    const path = models.add(
      'idle',
      'def handle(data, context):\n    return [0 for _ in data or []]\n',
    );
    await using server = new CliProcess(
      [
        ...['serve', ...freePorts, '--device', 'cuda:0', '--models', path],
        ...['--python', requirePython(), '--instances', '1'],
      ],
      { env: nvml.env },
    );
    const client = new HttpClient((await ready(server)).management);
    assert.match(
      JSON.stringify(json(await client.get('/models/idle'))),
      /"gpu":true,"gpuUsage":"gpuId::0 utilization\.gpu \[%\]::34 % utilization\.memory \[%\]::12 % memory\.used \[MiB\]::678 MiB"/,
    );
    client.close();
  });

  test('ends while the driver hangs', async () => {
    using nvml = new TestNvml();
    await using server = serve(nvml.gate().env);
    await ready(server);
    server.kill();
    assert.deepEqual(await server.exit, { code: 0, signal: null });
  });
});

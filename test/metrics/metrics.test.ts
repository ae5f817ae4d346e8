import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { metricDefinitions } from '../../src/metrics/definitions.js';
import { Metrics, type MetricsOptions, type VersionReading } from '../../src/metrics/metrics.js';
import { root } from '../support/paths.js';

function create(options: Partial<MetricsOptions> = {}): Metrics {
  const metrics = new Metrics({ mode: 'prometheus', hostname: 'vm', ...options });
  metrics.close();
  return metrics;
}

async function samples(metrics: Metrics, ...names: string[]): Promise<string[]> {
  return (await metrics.text(names)).split('\n').filter((line) => /^\w/.test(line));
}

const labels = 'model_name="m",model_version="1.0"';

suite('a version’s metrics', () => {
  test('count requests by the version that was asked for', async () => {
    const metrics = create();
    const version = metrics.forVersion('m', '1.0');
    version.request(true);
    version.request(false);
    version.request(false);
    metrics.forVersion('m', '2.0').request(false);
    assert.deepEqual(
      await samples(metrics, 'ts_inference_requests_total', 'sconce_requests_total'),
      [
        'ts_inference_requests_total{model_name="m",model_version="1.0",hostname="vm",} 1.0',
        'ts_inference_requests_total{model_name="m",model_version="default",hostname="vm",} 3.0',
        'sconce_requests_total{model_name="m",model_version="1.0"} 3',
        'sconce_requests_total{model_name="m",model_version="2.0"} 1',
      ],
    );
  });

  test('sum up what answers took, to the nanosecond', async () => {
    const metrics = create();
    const version = metrics.forVersion('m', '1.0');
    version.answered(3.011_218, 172.245, true);
    version.answered(0.1 + 0.2, 2999.9, false);
    version.answered(1, 500, false);
    const default_ = 'model_name="m",model_version="default",hostname="vm",';
    assert.deepEqual(
      await samples(
        metrics,
        'ts_inference_latency_microseconds',
        'ts_queue_latency_microseconds',
        'QueueTime',
        'sconce_request_duration_seconds_count',
        'sconce_request_duration_seconds_sum',
      ),
      [
        'ts_inference_latency_microseconds{model_name="m",model_version="1.0",hostname="vm",} 3011.218',
        `ts_inference_latency_microseconds{${default_}} 1300.0`,
        'ts_queue_latency_microseconds{model_name="m",model_version="1.0",hostname="vm",} 172.245',
        `ts_queue_latency_microseconds{${default_}} 3499.9`,
        'QueueTime{Level="Host",Hostname="vm",} 0.0',
        `sconce_request_duration_seconds_sum{${labels}} ${(3.011_218 + 0.1 + 0.2 + 1) / 1000}`,
        `sconce_request_duration_seconds_count{${labels}} 3`,
      ],
    );
  });

  test('have the queue’s time in whole milliseconds', async () => {
    const metrics = create();
    metrics.forVersion('m', '1.0').answered(10, 2999.9, true);
    assert.deepEqual(await samples(metrics, 'QueueTime'), [
      'QueueTime{Level="Host",Hostname="vm",} 2.0',
    ]);
  });

  test('tell of the last batch, to two decimals', async () => {
    const metrics = create();
    const version = metrics.forVersion('m', '1.0');
    version.batch(4, 100, 900, () => assert.fail('asked for ids'));
    version.batch(2, 100, 51_314);
    assert.deepEqual(
      await samples(
        metrics,
        ...['WorkerThreadTime', 'HandlerTime', 'PredictionTime', 'sconce_batch_rows_sum'],
        'sconce_compute_duration_seconds_sum',
        'sconce_queue_duration_seconds_count',
      ),
      [
        'WorkerThreadTime{Level="Host",Hostname="vm",} 0.0',
        'HandlerTime{ModelName="m",Level="Model",Hostname="vm",} 51.31',
        'PredictionTime{ModelName="m",Level="Model",Hostname="vm",} 51.31',
        `sconce_queue_duration_seconds_count{${labels}} 2`,
        `sconce_compute_duration_seconds_sum{${labels}} ${0.0009 + 0.051314}`,
        `sconce_batch_rows_sum{${labels}} 6`,
      ],
    );
  });

  test('are lines in log mode, in the order in which TorchServe writes them', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 0 });
    const lines: string[] = [];
    const write = (line: string) => lines.push(line.replace('|#hostname:vm', ''));
    const metrics = create({ mode: 'log', log: { system: write, model: write } });
    const version = metrics.forVersion('m', '1.0');
    version.workerLoaded('W-9000-m_1.0', 2117.4);
    version.request(false);
    version.batch(2, 1500, 2000, () => 'a,b');
    version.answered(5, 1500, false);
    version.failed('NO_CAPACITY');
    metrics.response(200);
    assert.deepEqual(lines, [
      'WorkerLoadTime.Milliseconds:2117.0|#WorkerName:W-9000-m_1.0,Level:Host,timestamp:0',
      'ts_inference_requests_total.Count:1.0|#model_name:m,model_version:default,timestamp:0',
      'HandlerTime.ms:2.0|#ModelName:m,Level:Model,requestID:a,b,timestamp:0',
      'PredictionTime.ms:2.0|#ModelName:m,Level:Model,requestID:a,b,timestamp:0',
      'WorkerThreadTime.Milliseconds:0.0|#Level:Host,timestamp:0',
      'ts_inference_latency_microseconds.Microseconds:5000.0|#model_name:m,model_version:default,timestamp:0',
      'ts_queue_latency_microseconds.Microseconds:1500.0|#model_name:m,model_version:default,timestamp:0',
      'QueueTime.Milliseconds:1.0|#Level:Host,timestamp:0',
      'Requests2XX.Count:1.0|#Level:Host,timestamp:0',
    ]);
  });

  test('count errors by their code', async () => {
    const metrics = create();
    const version = metrics.forVersion('m', '1.0');
    for (const code of ['NO_CAPACITY', 'MODEL_FAILED', 'NO_CAPACITY']) version.failed(code);
    assert.deepEqual(await samples(metrics, 'sconce_request_errors_total'), [
      `sconce_request_errors_total{${labels},code="NO_CAPACITY"} 2`,
      `sconce_request_errors_total{${labels},code="MODEL_FAILED"} 1`,
    ]);
  });

  test('lose their gauges when the version is retired, and go on counting when it comes back', async () => {
    const metrics = create();
    const names = [
      ...['ts_inference_requests_total', 'WorkerLoadTime', 'HandlerTime', 'sconce_requests_total'],
      'sconce_model_load_duration_seconds',
    ];
    const counted = (count: number) => [
      `ts_inference_requests_total{model_name="m",model_version="1.0",hostname="vm",} ${count}.0`,
      'sconce_requests_total{model_name="m",model_version="1.0"} '.concat(`${count}`),
    ];
    for (const round of [1, 2, 3]) {
      const version = metrics.forVersion('m', '1.0');
      version.request(true);
      version.workerLoaded('W-9000-m_1.0', 1500);
      version.batch(1, 1, 1000);
      const [requests = '', own = ''] = counted(round);
      assert.deepEqual(await samples(metrics, ...names), [
        requests,
        'WorkerLoadTime{WorkerName="W-9000-m_1.0",Level="Host",Hostname="vm",} 1500.0',
        'HandlerTime{ModelName="m",Level="Model",Hostname="vm",} 1.0',
        own,
        `sconce_model_load_duration_seconds{${labels}} 1.5`,
      ]);
      version.retire();
      version.batch(1, 1, 1000);
      version.workerLoaded('W-9001-m_1.0', 1);
      version.retire();
      assert.deepEqual(await samples(metrics, ...names), counted(round));
    }
  });

  test('keep a gauge that another version of the model still has', async () => {
    const metrics = create();
    const [first, second] = [metrics.forVersion('m', '1.0'), metrics.forVersion('m', '2.0')];
    first.batch(1, 1, 1000);
    first.retire();
    second.batch(1, 1, 2000);
    assert.deepEqual(await samples(metrics, 'HandlerTime'), [
      'HandlerTime{ModelName="m",Level="Model",Hostname="vm",} 2.0',
    ]);
  });
});

test('responses are counted by the class of their status; below 400 nothing has failed', async () => {
  const metrics = create();
  for (const status of [100, 200, 204, 302, 399, 400, 404, 499, 500, 503]) metrics.response(status);
  assert.deepEqual(await samples(metrics, 'Requests2XX', 'Requests4XX', 'Requests5XX'), [
    'Requests2XX{Level="Host",Hostname="vm",} 5.0',
    'Requests4XX{Level="Host",Hostname="vm",} 3.0',
    'Requests5XX{Level="Host",Hostname="vm",} 2.0',
  ]);
});

suite('Sconce’s own metrics', () => {
  const version: VersionReading = {
    modelName: 'm',
    modelVersion: '1.0',
    state: 'ready',
    instances: 2,
    queued: 3,
  };

  function watched(): Metrics {
    const metrics = create();
    metrics.watch({
      pending: () => [{ modelName: 'm', modelVersion: '1.0', count: 4 }],
      slabBytes: () => 1024,
      versions: () => [version, { ...version, modelVersion: '2.0', state: 'loading' }],
    });
    return metrics;
  }

  test('are in every mode, after TorchServe’s', async () => {
    for (const mode of ['log', 'legacy', 'prometheus'] as const) {
      const text = await create({ mode }).text();
      const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
        ([, name = '', kind = '']) => `${name} ${kind}`,
      );
      const own = Object.values(metricDefinitions).map(({ name, kind }) => `${name} ${kind}`);
      const torchServe = { log: 0, legacy: 3, prometheus: 21 }[mode];
      assert.deepEqual(families.slice(torchServe).sort(), own.sort());
      assert.equal(families.length, torchServe + own.length);
    }
  });

  test('read their gauges when they are asked', async () => {
    const metrics = watched();
    const names = Object.values(metricDefinitions)
      .filter(({ name, kind }) => kind === 'gauge' && name.startsWith('sconce_'))
      .map(({ name }) => name);
    const second = labels.replace('1.0', '2.0');
    assert.deepEqual(await samples(metrics, ...names), [
      `sconce_pending_requests{${labels}} 4`,
      `sconce_queued_requests{${labels}} 3`,
      `sconce_queued_requests{${second}} 3`,
      `sconce_instances{${labels},state="ready"} 2`,
      `sconce_instances{${second},state="loading"} 2`,
      `sconce_model_state{${labels},state="ready"} 1`,
      `sconce_model_state{${second},state="loading"} 1`,
      'sconce_slab_bytes 1024',
    ]);
  });

  test('tell of the process', async () => {
    const metrics = create();
    const value = async (name: string) => {
      const [line = ''] = await samples(metrics, name);
      assert.ok(line.startsWith(`${name} `), name);
      return Number(line.slice(name.length + 1));
    };
    const cpu = await value('process_cpu_seconds_total');
    assert.ok(cpu > 0);
    assert.ok((await value('process_cpu_seconds_total')) >= cpu);
    assert.ok((await value('process_resident_memory_bytes')) > 2 ** 20);
    const started = await value('process_start_time_seconds');
    assert.ok(Math.abs(started - (Date.now() / 1000 - process.uptime())) < 5);
    assert.equal(await value('nodejs_eventloop_lag_mean_seconds'), 0);
  });

  test('tell of a main loop that was held up', async () => {
    const metrics = new Metrics();
    try {
      let lag = 0;
      while (lag < 0.1) {
        // A scrape starts anew: the first look after it sets the clock, the second finds it late.
        for (let looks = 0; looks < 2; looks += 1) {
          const until = performance.now() + 150;
          while (performance.now() < until);
          await nextTurn();
        }
        const [line = ''] = await samples(metrics, 'nodejs_eventloop_lag_max_seconds');
        lag = Number(line.split(' ')[1]);
      }
    } finally {
      metrics.close();
    }
  });

  test('are what promtool would have them be', async (t) => {
    if (spawnSync('promtool', ['--version']).error !== undefined) {
      t.skip('promtool is not installed');
      return;
    }
    const metrics = watched();
    const loaded = metrics.forVersion('m', '1.0');
    loaded.request(true);
    loaded.answered(1, 1, true);
    loaded.batch(1, 1, 1);
    loaded.failed('NO_CAPACITY');
    loaded.workerLoaded('W-9000-m_1.0', 10);
    const names = (await metrics.text()).matchAll(/^((?:sconce|process|nodejs)_\w+)/gm);
    const text = await metrics.text([...names].map(([, name = '']) => name));
    assert.ok(text.includes('sconce_batch_rows_bucket'));
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    assert.equal(checked.stdout + checked.stderr, '');
    assert.equal(checked.status, 0);
  });

  test('and TorchServe’s are together a text that Prometheus reads', async (t) => {
    if (spawnSync('promtool', ['--version']).error !== undefined) {
      t.skip('promtool is not installed');
      return;
    }
    const metrics = watched();
    const loaded = metrics.forVersion('a "quoted" \\ name\n', '1.0');
    loaded.request(false);
    loaded.answered(1e-9, 1e12, false);
    loaded.batch(1, 1, Number.NaN);
    const { stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await metrics.text(),
      encoding: 'utf8',
    });
    // It finds fault with TorchServe's names and units, but reads them.
    const faults = stderr.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      faults.filter((line) => !/^(ts_|[A-Z])\w+ /.test(line)),
      [],
    );
  });
});

test('metrics that nobody closes do not keep the process alive', async () => {
  const module = pathToFileURL(join(root, 'dist/src/metrics/metrics.js')).href;
  const script = `
    import { Metrics } from ${JSON.stringify(module)};
    new Metrics({ mode: 'prometheus' }).startSystemMetrics({ intervalSeconds: 3600 });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MetricsConfiguration } from '../../src/metrics/specification.js';
import {
  type MetricsLog,
  type MetricsMode,
  type TorchServeMetricName,
  TorchServeMetrics,
} from '../../src/metrics/torchserve-metrics.js';
import {
  defaultMetricsConfiguration,
  torchServeMetrics,
} from '../../src/metrics/torchserve-table.js';

/** A scrape of TorchServe 0.12 in prometheus mode. */
const scrape = `# HELP Requests2XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests2XX counter
Requests2XX{Level="Host",Hostname="vm",} 35.0
# HELP Requests4XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests4XX counter
Requests4XX{Level="Host",Hostname="vm",} 30.0
# HELP Requests5XX Torchserve prometheus counter metric with unit: Count
# TYPE Requests5XX counter
Requests5XX{Level="Host",Hostname="vm",} 11.0
# HELP ts_inference_requests_total Torchserve prometheus counter metric with unit: Count
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="tiny",model_version="default",hostname="vm",} 1.0
ts_inference_requests_total{model_name="echo",model_version="2.0",hostname="vm",} 1.0
ts_inference_requests_total{model_name="echo",model_version="1.0",hostname="vm",} 1.0
ts_inference_requests_total{model_name="echo",model_version="default",hostname="vm",} 16.0
# HELP ts_inference_latency_microseconds Torchserve prometheus counter metric with unit: Microseconds
# TYPE ts_inference_latency_microseconds counter
ts_inference_latency_microseconds{model_name="tiny",model_version="default",hostname="vm",} 259507.207
ts_inference_latency_microseconds{model_name="echo",model_version="1.0",hostname="vm",} 3011.218
ts_inference_latency_microseconds{model_name="echo",model_version="default",hostname="vm",} 77019.083
# HELP ts_queue_latency_microseconds Torchserve prometheus counter metric with unit: Microseconds
# TYPE ts_queue_latency_microseconds counter
ts_queue_latency_microseconds{model_name="tiny",model_version="default",hostname="vm",} 205150.025
ts_queue_latency_microseconds{model_name="echo",model_version="1.0",hostname="vm",} 172.245
ts_queue_latency_microseconds{model_name="echo",model_version="default",hostname="vm",} 9879.832999999999
# HELP QueueTime Torchserve prometheus gauge metric with unit: Milliseconds
# TYPE QueueTime gauge
QueueTime{Level="Host",Hostname="vm",} 205.0
# HELP WorkerThreadTime Torchserve prometheus gauge metric with unit: Milliseconds
# TYPE WorkerThreadTime gauge
WorkerThreadTime{Level="Host",Hostname="vm",} 3.0
# HELP WorkerLoadTime Torchserve prometheus gauge metric with unit: Milliseconds
# TYPE WorkerLoadTime gauge
WorkerLoadTime{WorkerName="W-9001-echo_1.0",Level="Host",Hostname="vm",} 2117.0
WorkerLoadTime{WorkerName="W-9000-echo_1.0",Level="Host",Hostname="vm",} 42781.0
WorkerLoadTime{WorkerName="W-9004-tiny_1.0",Level="Host",Hostname="vm",} 2027.0
# HELP CPUUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE CPUUtilization gauge
CPUUtilization{Level="Host",Hostname="vm",} 63.7
# HELP MemoryUsed Torchserve prometheus gauge metric with unit: Megabytes
# TYPE MemoryUsed gauge
MemoryUsed{Level="Host",Hostname="vm",} 508.73046875
# HELP MemoryAvailable Torchserve prometheus gauge metric with unit: Megabytes
# TYPE MemoryAvailable gauge
MemoryAvailable{Level="Host",Hostname="vm",} 23271.66796875
# HELP MemoryUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE MemoryUtilization gauge
MemoryUtilization{Level="Host",Hostname="vm",} 3.5
# HELP DiskUsage Torchserve prometheus gauge metric with unit: Gigabytes
# TYPE DiskUsage gauge
DiskUsage{Level="Host",Hostname="vm",} 34.967063903808594
# HELP DiskUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE DiskUtilization gauge
DiskUtilization{Level="Host",Hostname="vm",} 34.5
# HELP DiskAvailable Torchserve prometheus gauge metric with unit: Gigabytes
# TYPE DiskAvailable gauge
DiskAvailable{Level="Host",Hostname="vm",} 66.4952163696289
# HELP GPUMemoryUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE GPUMemoryUtilization gauge
# HELP GPUMemoryUsed Torchserve prometheus gauge metric with unit: Megabytes
# TYPE GPUMemoryUsed gauge
# HELP GPUUtilization Torchserve prometheus gauge metric with unit: Percent
# TYPE GPUUtilization gauge
# HELP HandlerTime Torchserve prometheus gauge metric with unit: ms
# TYPE HandlerTime gauge
HandlerTime{ModelName="tiny",Level="Model",Hostname="vm",} 51.31
# HELP PredictionTime Torchserve prometheus gauge metric with unit: ms
# TYPE PredictionTime gauge
PredictionTime{ModelName="tiny",Level="Model",Hostname="vm",} 52.07
PredictionTime{ModelName="echo",Level="Model",Hostname="vm",} 0.02
`;

function create(
  mode: MetricsMode,
  { configuration = defaultMetricsConfiguration, log = undefined as MetricsLog | undefined } = {},
): TorchServeMetrics {
  return new TorchServeMetrics({ mode, configuration, hostname: 'vm', log });
}

/** A log that keeps its lines. */
function keptLines() {
  const system: string[] = [];
  const model: string[] = [];
  const log: MetricsLog = {
    system: (line) => system.push(line),
    model: (line) => model.push(line),
  };
  return { log, system, model };
}

/** Metrics of one declared family, as `ts_metrics` would have it. */
function configured(
  kind: 'counter' | 'gauge' | 'histogram',
  buckets?: readonly number[],
): MetricsConfiguration {
  const family = { kind, name: 'QueueTime', unit: 'Milliseconds', dimensions: ['Level', 'Host'] };
  return { system: [buckets === undefined ? family : { ...family, buckets }], model: [] };
}

const samplesOf = (text: string) => text.split('\n').filter((line) => /^[^#]/.test(line));

suite('TorchServe’s metrics in prometheus mode', () => {
  test('are written to the byte as TorchServe writes them', () => {
    const metrics = create('prometheus');
    for (const line of samplesOf(scrape)) {
      const [, name = '', labels = '', value] = /^(\w+)\{(.*)\} (.*)$/.exec(line) ?? [];
      const values = [...labels.matchAll(/"([^"]*)"/g)].map(([, each = '']) => each).slice(0, -1);
      assert.ok(isKnown(name));
      const family = metrics.model(name)?.family ?? metrics.system(name);
      family.bind(values).update(Number(value));
    }
    assert.equal(metrics.text(), scrape);
  });

  test('have the families, but no samples before the first update', () => {
    const metrics = create('prometheus');
    metrics.system('QueueTime').bind(['Host']);
    assert.equal(
      metrics.text(),
      scrape
        .split('\n')
        .filter((line) => !/^\w/.test(line))
        .join('\n'),
    );
  });

  test('add to a counter and set a gauge; a series with the same labels is the same one', () => {
    const metrics = create('prometheus');
    const counter = metrics.system('Requests2XX');
    counter.bind(['Host']).update(1);
    counter.bind(['Host']).update(2.5);
    const gauge = metrics.system('QueueTime');
    gauge.bind(['Host']).update(7);
    gauge.bind(['Host']).update(-3);
    assert.deepEqual(samplesOf(metrics.text()), [
      'Requests2XX{Level="Host",Hostname="vm",} 3.5',
      'QueueTime{Level="Host",Hostname="vm",} -3.0',
    ]);
  });

  test('write a histogram with the buckets that TorchServe has', () => {
    const metrics = create('prometheus', { configuration: configured('histogram') });
    const slot = metrics.system('QueueTime').bind(['Host']);
    for (const value of [0.005, 0.3, 11]) slot.update(value);
    const labels = 'Level="Host",Host="vm",';
    const bounds = [
      ...['0.005', '0.01', '0.025', '0.05', '0.075', '0.1', '0.25', '0.5', '0.75'],
      ...['1.0', '2.5', '5.0', '7.5', '10.0', '+Inf'],
    ];
    const counts = [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3];
    assert.equal(
      metrics.text(),
      [
        '# HELP QueueTime Torchserve prometheus histogram metric with unit: Milliseconds',
        '# TYPE QueueTime histogram',
        ...bounds.map((le, i) => `QueueTime_bucket{${labels}le="${le}",} ${counts[i]}.0`),
        `QueueTime_count{${labels}} 3.0`,
        `QueueTime_sum{${labels}} 11.305`,
        '',
      ].join('\n'),
    );
  });

  test('write a histogram with the buckets that it declares', () => {
    const metrics = create('prometheus', { configuration: configured('histogram', [1, 1e7]) });
    metrics.system('QueueTime').bind(['Host']).update(2);
    assert.deepEqual(samplesOf(metrics.text()), [
      'QueueTime_bucket{Level="Host",Host="vm",le="1.0",} 0.0',
      'QueueTime_bucket{Level="Host",Host="vm",le="1.0E7",} 1.0',
      'QueueTime_bucket{Level="Host",Host="vm",le="+Inf",} 1.0',
      'QueueTime_count{Level="Host",Host="vm",} 1.0',
      'QueueTime_sum{Level="Host",Host="vm",} 2.0',
    ]);
  });

  test('write what is no number, or not finite, as Prometheus does', () => {
    for (const [value, text] of [
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, '+Inf'],
      [Number.NEGATIVE_INFINITY, '-Inf'],
    ] as const) {
      const metrics = create('prometheus', { configuration: configured('gauge') });
      metrics.system('QueueTime').bind(['Host']).update(value);
      assert.deepEqual(samplesOf(metrics.text()), [`QueueTime{Level="Host",Host="vm",} ${text}`]);
    }
  });

  test('escape the values of labels', () => {
    const metrics = create('prometheus', { configuration: configured('gauge') });
    metrics.system('QueueTime').bind(['a\\b"c\nd']).update(1);
    assert.deepEqual(samplesOf(metrics.text()), [
      'QueueTime{Level="a\\\\b\\"c\\nd",Host="vm",} 1.0',
    ]);
  });

  test('lose a gauge’s series with its last user, and no counter’s', () => {
    const metrics = create('prometheus');
    const gauge = metrics.system('QueueTime');
    const [first, second] = [gauge.bind(['Host']), gauge.bind(['Host'])];
    const counter = metrics.system('Requests2XX');
    const counted = counter.bind(['Host']);
    first.update(1);
    counted.update(1);
    gauge.release(first);
    counter.release(counted);
    assert.equal(samplesOf(metrics.text()).length, 2);
    gauge.release(second);
    second.update(2);
    assert.deepEqual(samplesOf(metrics.text()), ['Requests2XX{Level="Host",Hostname="vm",} 1.0']);
  });

  test('write no lines', () => {
    const { log, system, model } = keptLines();
    const metrics = create('prometheus', { log });
    metrics.system('QueueTime').bind(['Host']).update(1);
    metrics.model('HandlerTime')?.family.bind(['m', 'Model']).update(1);
    assert.deepEqual([...system, ...model], []);
  });
});

suite('TorchServe’s metrics in log mode', () => {
  test('are lines, of the server and of models apart, and nothing in a scrape', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_669_965_519_987 });
    const { log, system, model } = keptLines();
    const metrics = create('log', { log });
    metrics.system('QueueTime').bind(['Host']).update(0);
    const requests = metrics.system('ts_inference_requests_total').bind(['psenet', 'default']);
    requests.update(1);
    requests.update(1);
    const handlerTime = metrics.model('HandlerTime')?.family.bind(['psenet', 'Model']);
    handlerTime?.update(8470.9, () => 'a,b');
    handlerTime?.update(1e-5);
    handlerTime?.update(Number.POSITIVE_INFINITY, () => '');
    assert.deepEqual(system, [
      'QueueTime.Milliseconds:0.0|#Level:Host|#hostname:vm,timestamp:1669965519',
      'ts_inference_requests_total.Count:1.0|#model_name:psenet,model_version:default|#hostname:vm,timestamp:1669965519',
      'ts_inference_requests_total.Count:1.0|#model_name:psenet,model_version:default|#hostname:vm,timestamp:1669965519',
    ]);
    assert.deepEqual(model, [
      'HandlerTime.ms:8470.9|#ModelName:psenet,Level:Model|#hostname:vm,requestID:a,b,timestamp:1669965519',
      'HandlerTime.ms:1.0E-5|#ModelName:psenet,Level:Model|#hostname:vm,timestamp:1669965519',
      'HandlerTime.ms:Infinity|#ModelName:psenet,Level:Model|#hostname:vm,timestamp:1669965519',
    ]);
    assert.equal(metrics.text(), '');
  });

  test('are one line each, whatever a label holds', () => {
    const { log, model } = keptLines();
    const metrics = create('log', { log });
    metrics.model('HandlerTime')?.family.bind(['a\r\nb\u2028c', 'Model']).update(1);
    assert.match(model.join('\n'), /^HandlerTime\.ms:1\.0\|#ModelName:a {2}b c,Level:Model\|#/);
  });

  test('ask for no ids of requests when nobody keeps the lines', () => {
    const metrics = create('log');
    metrics
      .model('HandlerTime')
      ?.family.bind(['m', 'Model'])
      .update(1, () => assert.fail('asked'));
    assert.equal(metrics.text(), '');
  });
});

suite('TorchServe’s metrics in legacy mode', () => {
  test('are lines, but for the three that Prometheus always had', () => {
    const { log, system, model } = keptLines();
    const metrics = create('legacy', { log });
    for (const name of [
      'ts_inference_requests_total',
      'ts_inference_latency_microseconds',
      'ts_queue_latency_microseconds',
    ] as const) {
      metrics.system(name).bind(['m', '1.0']).update(2);
    }
    metrics.system('Requests2XX').bind(['Host']).update(1);
    metrics.model('PredictionTime')?.family.bind(['m', 'Model']).update(1);
    const labels = 'model_name="m",model_version="1.0",hostname="vm",';
    assert.deepEqual(samplesOf(metrics.text()), [
      `ts_inference_requests_total{${labels}} 2.0`,
      `ts_inference_latency_microseconds{${labels}} 2.0`,
      `ts_queue_latency_microseconds{${labels}} 2.0`,
    ]);
    assert.deepEqual(
      [...system, ...model].map((line) => line.split('|', 1).join()),
      ['Requests2XX.Count:1.0', 'PredictionTime.ms:1.0'],
    );
  });
});

test('a metric that the configuration does not declare goes nowhere', () => {
  const { log, system } = keptLines();
  for (const mode of ['log', 'prometheus', 'legacy'] as const) {
    const metrics = create(mode, { configuration: { system: [], model: [] }, log });
    metrics.system('QueueTime').bind(['Host']).update(1);
    assert.equal(metrics.model('HandlerTime'), undefined);
    assert.equal(metrics.text(), '');
  }
  assert.deepEqual(system, []);
});

function isKnown(name: string): name is TorchServeMetricName {
  return Object.hasOwn(torchServeMetrics, name);
}

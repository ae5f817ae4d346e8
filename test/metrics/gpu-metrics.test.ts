import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { metricDefinitions } from '../../src/metrics/definitions.js';
import type { DeviceStatistics } from '../../src/metrics/device-metrics.js';
import { type GpuSource, type GpuState, Metrics } from '../../src/metrics/metrics.js';
import { Deferred } from '../../src/models/deferred.js';
import { until } from '../support/condition.js';

const mebibyte = 2 ** 20;

function gpu(deviceId: number, given: Partial<GpuState> = {}): GpuState {
  return {
    index: deviceId,
    deviceId,
    memoryUsedBytes: 678 * mebibyte + 4096,
    memoryTotalBytes: 81559 * mebibyte,
    utilization: 34,
    memoryUtilization: 12,
    ...given,
  };
}

const statistics: DeviceStatistics = {
  device: 'cuda:1',
  batches: 12,
  graphBatches: 5,
  busySeconds: 1.5,
  copyInSeconds: 0.25,
  computeSeconds: 2,
  copyOutSeconds: 0.125,
  allocatedBytes: 1024,
  reservedBytes: 4096,
  graphBytes: 512,
};

function sourceOf(read: GpuSource['read'], devices: DeviceStatistics[] = []): GpuSource {
  return { read, statistics: () => devices };
}

/** Samples of a text, without HELP and TYPE. */
function samples(text: string, start: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(start));
}

suite('TorchServe’s metrics of GPUs', () => {
  test('are lines with the number of the GPU, in whole megabytes and percent', async () => {
    const lines: string[] = [];
    const metrics = new Metrics({
      hostname: 'vm',
      log: { system: (line) => lines.push(line), model: () => {} },
      gpus: sourceOf(async () => ({ gpus: [gpu(0), gpu(1, { utilization: null })] })),
    });
    const ofGpus = () => lines.filter((line) => line.startsWith('GPU'));
    metrics.startSystemMetrics({ intervalSeconds: 3600 });
    await until(() => ofGpus().length >= 5);
    metrics.close();
    assert.deepEqual(
      ofGpus().map((line) => line.replace(/\d+$/, '0')),
      [
        'GPUMemoryUtilization.Percent:0.8313000404615064|#Level:Host,DeviceId:0|#hostname:vm,timestamp:0',
        'GPUMemoryUtilization.Percent:0.8313000404615064|#Level:Host,DeviceId:1|#hostname:vm,timestamp:0',
        'GPUMemoryUsed.Megabytes:678.0|#Level:Host,DeviceId:0|#hostname:vm,timestamp:0',
        'GPUMemoryUsed.Megabytes:678.0|#Level:Host,DeviceId:1|#hostname:vm,timestamp:0',
        'GPUUtilization.Percent:34.0|#Level:Host,DeviceId:0|#hostname:vm,timestamp:0',
      ],
    );
  });

  test('are samples in prometheus mode, and go with the GPU', async () => {
    let gpus = [gpu(0), gpu(1)];
    const metrics = new Metrics({
      mode: 'prometheus',
      hostname: 'vm',
      gpus: sourceOf(async () => ({ gpus })),
    });
    const shown = async () => samples(await metrics.text(), 'GPU');
    metrics.startSystemMetrics({ intervalSeconds: 0.001 });
    while ((await shown()).length < 6) await nextTurn();
    assert.deepEqual(await shown(), [
      'GPUMemoryUtilization{Level="Host",DeviceId="0",Hostname="vm",} 0.8313000404615064',
      'GPUMemoryUtilization{Level="Host",DeviceId="1",Hostname="vm",} 0.8313000404615064',
      'GPUMemoryUsed{Level="Host",DeviceId="0",Hostname="vm",} 678.0',
      'GPUMemoryUsed{Level="Host",DeviceId="1",Hostname="vm",} 678.0',
      'GPUUtilization{Level="Host",DeviceId="0",Hostname="vm",} 34.0',
      'GPUUtilization{Level="Host",DeviceId="1",Hostname="vm",} 34.0',
    ]);
    gpus = [gpu(0, { utilization: null, memoryTotalBytes: 0 })];
    while ((await shown()).length > 2) await nextTurn();
    metrics.close();
    assert.deepEqual(await shown(), [
      'GPUMemoryUtilization{Level="Host",DeviceId="0",Hostname="vm",} 0.0',
      'GPUMemoryUsed{Level="Host",DeviceId="0",Hostname="vm",} 678.0',
    ]);
  });

  test('wait for a slow driver alone, and change nothing after the end', async () => {
    const answer = new Deferred<{ gpus: GpuState[] }>();
    const lines: string[] = [];
    const metrics = new Metrics({
      log: { system: (line) => lines.push(line), model: () => {} },
      gpus: sourceOf(() => answer.promise),
    });
    metrics.startSystemMetrics({ intervalSeconds: 0.001 });
    const ofMemory = () => lines.filter((line) => line.startsWith('MemoryUsed'));
    await until(() => ofMemory().length >= 3);
    metrics.close();
    answer.resolve({ gpus: [gpu(0)] });
    await nextTurn();
    assert.deepEqual(
      lines.filter((line) => line.startsWith('GPU')),
      [],
    );
  });
});

suite('Sconce’s metrics of GPUs', () => {
  test('say what was done on each, and what the driver says of it', async () => {
    const driver = async () => ({ gpus: [gpu(0), gpu(1, { utilization: null })] });
    const metrics = new Metrics({ gpus: sourceOf(driver, [statistics]) });
    const expected = [
      'sconce_device_batches_total{device="cuda:1"} 12',
      'sconce_device_graph_batches_total{device="cuda:1"} 5',
      'sconce_device_busy_seconds_total{device="cuda:1"} 1.5',
      'sconce_device_copy_in_seconds_total{device="cuda:1"} 0.25',
      'sconce_device_compute_seconds_total{device="cuda:1"} 2',
      'sconce_device_copy_out_seconds_total{device="cuda:1"} 0.125',
      'sconce_device_allocated_bytes{device="cuda:1"} 1024',
      'sconce_device_reserved_bytes{device="cuda:1"} 4096',
      'sconce_device_graph_bytes{device="cuda:1"} 512',
      'sconce_device_memory_used_bytes{device="cuda:0"} 710938624',
      'sconce_device_memory_used_bytes{device="cuda:1"} 710938624',
      'sconce_device_memory_total_bytes{device="cuda:0"} 85520809984',
      'sconce_device_memory_total_bytes{device="cuda:1"} 85520809984',
      'sconce_device_utilization_ratio{device="cuda:0"} 0.34',
    ];
    assert.deepEqual(samples(await metrics.text(), 'sconce_device_'), expected);
    // Counters are what was counted, not added up with each scrape.
    assert.deepEqual(samples(await metrics.text(), 'sconce_device_'), expected);
    metrics.close();
  });

  test('have no samples where no GPU was used and no driver answers', async () => {
    const metrics = new Metrics({ gpus: sourceOf(() => Promise.reject(new Error('none'))) });
    const text = await metrics.text();
    metrics.close();
    assert.deepEqual(samples(text, 'sconce_device_'), []);
    for (const { name, kind } of Object.values(metricDefinitions)) {
      assert.ok(text.includes(`# TYPE ${name} ${kind}\n`), name);
    }
  });
});

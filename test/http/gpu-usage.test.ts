import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gpuUsage } from '../../src/http/gpu-usage.js';
import type { Gpu } from '../../src/metrics/metrics.js';

const gpus: Gpu[] = [0, 2].map((id) => ({
  id,
  index: 5 - id,
  deviceId: id,
  memoryUsedBytes: 678 * 2 ** 20 + id,
  memoryTotalBytes: 2 ** 36,
  utilization: id === 0 ? 8 : null,
  memoryUtilization: id === 0 ? 2 : null,
}));

test('gpuUsage has the columns of nvidia-smi, as TorchServe has', () => {
  assert.equal(
    gpuUsage(0, gpus),
    'gpuId::0 utilization.gpu [%]::8 % utilization.memory [%]::2 % memory.used [MiB]::678 MiB',
  );
});

test('gpuUsage has what nvidia-smi prints where nothing is measured', () => {
  assert.equal(
    gpuUsage(2, gpus),
    'gpuId::2 utilization.gpu [%]::[N/A] utilization.memory [%]::[N/A] memory.used [MiB]::678 MiB',
  );
});

test('gpuUsage says when a GPU cannot be asked', () => {
  assert.equal(gpuUsage(1, gpus), 'failed to obtained gpu usage');
  assert.equal(gpuUsage(0, []), 'failed to obtained gpu usage');
});

test('gpuUsage of the CPU is none', () => {
  assert.equal(gpuUsage(null, gpus), 'N/A');
});

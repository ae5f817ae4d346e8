import type { Gpu } from '../metrics/metrics.js';

const mebibyte = 1024 ** 2;

/**
 * `gpuUsage` of a worker, to the letter as TorchServe 0.12 says it, which passes on the columns that
 * nvidia-smi prints.
 *
 * @param number of the GPU that the worker runs on; null for the CPU
 * @param gpus as the driver tells of them
 */
export function gpuUsage(number: number | null, gpus: readonly Gpu[]): string {
  if (number === null) return 'N/A';
  const gpu = gpus.find(({ id }) => id === number);
  if (gpu === undefined) return 'failed to obtained gpu usage';
  const { utilization, memoryUtilization, memoryUsedBytes } = gpu;
  const memory = Math.floor(memoryUsedBytes / mebibyte);
  return `gpuId::${number} utilization.gpu [%]::${percent(utilization)} utilization.memory [%]::${percent(memoryUtilization)} memory.used [MiB]::${memory} MiB`;
}

function percent(value: number | null): string {
  return value === null ? '[N/A]' : `${value} %`;
}

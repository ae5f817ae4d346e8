import type { Log } from '../logging/log.js';
import type { GpuSource } from '../metrics/metrics.js';
import { addon } from '../native/binding.js';
import { readGpus } from '../native/gpus.js';

/**
 * What the metrics say of GPUs. A machine without GPUs is nothing to speak of; of one that has some
 * and does not tell of all, the log says once why.
 */
export function gpuSource(log: Log): GpuSource {
  let told: string | undefined;
  return {
    read: async () => {
      const reading = await readGpus();
      const { gpus, problem } = reading;
      const isExpected = gpus.length === 0 && addon().cudaDeviceCount() === 0;
      if (problem !== undefined && problem !== told && !isExpected) {
        log.warn(`GPUs cannot be measured: ${problem}`);
      }
      told = problem;
      return reading;
    },
    statistics: () => addon().deviceStatistics(),
  };
}

import { readdirSync } from 'node:fs';
import { addon } from '../../native/binding.js';
import type { DeviceLimits, Machine } from '../device.js';

/**
 * The GPUs that Python workers are dealt out to; none for the CPU. As in TorchServe a list with one
 * that is not there counts for nothing.
 *
 * @param setting as resolveDevice() takes it
 */
export function gpuIds(
  setting: string,
  { ids = [], mostGpus = Number.POSITIVE_INFINITY }: DeviceLimits,
  present: () => number = countGpus,
): number[] {
  if (setting === 'cpu') return [];
  if (setting.startsWith('cuda:')) return [Number(setting.slice('cuda:'.length))];
  const all = Array.from({ length: Math.min(present(), mostGpus) }, (_, id) => id);
  if (setting === 'cuda') return all.length === 0 ? [0] : all.slice(0, 1);
  return ids.length > 0 && ids.every((id) => all.includes(id)) ? [...ids] : all;
}

/** Where NVIDIA's driver lists its devices. */
const driverFolder = '/proc/driver/nvidia/gpus';

/** Python brings a CUDA of its own: it may use GPUs that the addon was not built for. */
function countGpus(machine: () => Machine = addon): number {
  const native = machine();
  if (native.cudaBuild) return native.cudaDeviceCount();
  try {
    return readdirSync(driverFolder).length;
  } catch {
    return 0;
  }
}

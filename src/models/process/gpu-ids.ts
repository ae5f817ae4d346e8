import { readdirSync } from 'node:fs';
import { addon } from '../../native/binding.js';
import { choiceOf, type DeviceChoice, type DeviceLimits, type Machine } from '../device.js';

/**
 * The devices of Python workers, which find them by themselves: one that is named need not be there
 * as far as is known here.
 *
 * @param setting as resolveDevices() takes it
 */
export function processDevices(
  setting: string,
  { ids = [], mostGpus = Number.POSITIVE_INFINITY }: DeviceLimits,
  present: () => number = countGpus,
): DeviceChoice {
  if (setting === 'auto') return choiceOf(Math.min(present(), mostGpus), ids);
  return { devices: [setting === 'cuda' ? 'cuda:0' : setting], inTurn: false };
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

import { SconceError } from '../errors.js';
import type { NativeAddon } from '../native/addon.js';
import { addon } from '../native/binding.js';

/** What the addon says of the machine. */
export type Machine = Pick<NativeAddon, 'cudaBuild' | 'cudaDeviceCount'>;

export interface DeviceLimits {
  /** GPUs that `auto` may choose from; empty for any. */
  ids?: readonly number[] | undefined;
  /** The first so many GPUs may be used; undefined for all. */
  mostGpus?: number | undefined;
}

/**
 * The device a setting means on this machine.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a device that is not there, or may not be used.
 */
export function resolveDevice(
  setting: string,
  { ids = [], mostGpus = Number.POSITIVE_INFINITY }: DeviceLimits = {},
  machine: () => Machine = addon,
): string {
  if (setting === 'cpu') return setting;
  const native = machine();
  const present = native.cudaDeviceCount();
  const count = Math.min(present, mostGpus);
  if (setting === 'auto') {
    // As in TorchServe: one that is not there takes the whole list with it.
    const [first = 0] = ids.every((id) => id < count) ? ids : [];
    return count > 0 ? `cuda:${first}` : 'cpu';
  }
  const index = setting === 'cuda' ? 0 : Number(setting.slice('cuda:'.length));
  if (index < count) return `cuda:${index}`;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `Invalid configuration: device ${setting} ${complaint(native, index, present, mostGpus)}; use cpu or auto`,
  );
}

function complaint(
  { cudaBuild }: Machine,
  index: number,
  present: number,
  mostGpus: number,
): string {
  if (index < present) return `may not be used: number_of_gpu is ${mostGpus}`;
  return cudaBuild
    ? `is not there: this machine has ${present} usable GPUs`
    : 'is not there: the addon was built without CUDA (SCONCE_LIBTORCH_VARIANT=cuda npm run build:native)';
}

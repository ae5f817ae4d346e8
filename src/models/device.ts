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

/** Where the instances of a version run. */
export interface DeviceChoice {
  /** `cpu`, or GPUs: instances are dealt out to them in this order. */
  devices: readonly string[];
  /** True where nobody has named them: the first instance gets the GPU whose turn it is. */
  inTurn: boolean;
}

/**
 * The devices that a setting means on this machine: all GPUs that may be used for `auto`, or those
 * that are listed; the first for `cuda`.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a device that is not there, or may not be used.
 */
export function resolveDevices(
  setting: string,
  { ids = [], mostGpus = Number.POSITIVE_INFINITY }: DeviceLimits = {},
  machine: () => Machine = addon,
): DeviceChoice {
  if (setting === 'cpu') return onCpu;
  const native = machine();
  const present = native.cudaDeviceCount();
  const count = Math.min(present, mostGpus);
  if (setting === 'auto') return choiceOf(count, ids);
  const index = setting === 'cuda' ? 0 : Number(setting.slice('cuda:'.length));
  if (index < count) return { devices: [`cuda:${index}`], inTurn: false };
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `Invalid configuration: device ${setting} ${complaint(native, index, present, mostGpus)}; use cpu or auto`,
  );
}

const onCpu: DeviceChoice = { devices: ['cpu'], inTurn: false };

/** Of the first `count` GPUs. As in TorchServe: one id that is not there takes the whole list with it. */
export function choiceOf(count: number, ids: readonly number[]): DeviceChoice {
  if (count === 0) return onCpu;
  const isListed = ids.length > 0 && ids.every((id) => id < count);
  const indices = isListed ? ids : Array.from({ length: count }, (_, index) => index);
  return { devices: indices.map((index) => `cuda:${index}`), inTurn: !isListed };
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

/** What stands for all of them where one is asked for: they are alike. */
export function firstDevice([first = 'cpu']: readonly string[]): string {
  return first;
}

/** The N of `cuda:N`; null for the CPU. */
export function gpuIndex(device: string): number | null {
  return device === 'cpu' ? null : Number(device.slice('cuda:'.length));
}

import { SconceError } from '../errors.js';
import { addon } from '../native/binding.js';

/**
 * The device a setting means on this machine.
 *
 * @param ids GPUs that `auto` may choose from; empty for any
 * @throws {SconceError} INVALID_CONFIGURATION for a device that is not there.
 */
export function resolveDevice(setting: string, ids: readonly number[] = []): string {
  if (setting === 'cpu') return setting;
  const native = addon();
  const count = native.cudaDeviceCount();
  if (setting === 'auto') {
    // As in TorchServe: one that is not there takes the whole list with it.
    const [first = 0] = ids.every((id) => id < count) ? ids : [];
    return count > 0 ? `cuda:${first}` : 'cpu';
  }
  const index = setting === 'cuda' ? 0 : Number(setting.slice('cuda:'.length));
  if (index < count) return `cuda:${index}`;
  const why = native.cudaBuild
    ? `this machine has ${count} usable GPUs`
    : 'the addon was built without CUDA (SCONCE_LIBTORCH_VARIANT=cuda npm run build:native)';
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `Invalid configuration: device ${setting} is not there: ${why}; use cpu or auto`,
  );
}

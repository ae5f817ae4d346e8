import type { NativeGpuReading } from './addon.js';
import { addon } from './binding.js';
import { holdsProcess } from './runtime.js';

/**
 * The GPUs of the machine. Does not keep the process alive, which ends without its answer.
 *
 * @throws {SconceError} NATIVE_ADDON_MISSING
 */
export async function readGpus(): Promise<NativeGpuReading> {
  const released = holdsProcess();
  try {
    return await addon().readGpus();
  } finally {
    released();
  }
}

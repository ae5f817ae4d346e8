import { SconceError } from '../errors.js';
import type { Precision } from '../native/addon.js';

/**
 * Checks that the devices of a model know a precision. TensorFloat-32 is a matter of NVIDIA's matrix
 * units: on the CPU there is nothing that it could mean.
 *
 * @throws {SconceError} INVALID_CONFIGURATION
 */
export function requirePrecision(precision: Precision, devices: readonly string[]): void {
  if (precision !== 'tf32' || devices.every((device) => device !== 'cpu')) return;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    'Invalid configuration: precision tf32 is for models on a GPU, and this one runs on the CPU; use float32 or bfloat16',
  );
}

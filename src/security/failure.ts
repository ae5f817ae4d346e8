import { SconceError } from '../errors.js';

/** A setting that cannot be followed. */
export function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

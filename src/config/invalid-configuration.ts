import { SconceError } from '../errors.js';

/** The error of a start with a wrong value, in TorchServe's words. */
export function invalidConfiguration(what: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', `Invalid configuration: ${what}`);
}

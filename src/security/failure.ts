import { SconceError } from '../errors.js';

/** A setting that cannot be followed. */
export function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}

/** What a thrown value says. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

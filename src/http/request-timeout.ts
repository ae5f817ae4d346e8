import { SconceError } from '../errors.js';

/** Digits, with a fraction perhaps. */
const milliseconds = /^\d{1,15}(\.\d{1,9})?$/;

/**
 * The milliseconds within which a client wants its answer.
 *
 * @param given the header x-request-timeout-ms
 * @returns undefined without one
 * @throws {SconceError} INVALID_REQUEST for what is no number of milliseconds above 0
 */
export function requestTimeout(given: string | string[] | undefined): number | undefined {
  if (given === undefined) return undefined;
  const text = String(given);
  const timeout = milliseconds.test(text) ? Number(text) : 0;
  if (timeout > 0) return timeout;
  throw new SconceError(
    'INVALID_REQUEST',
    `the header x-request-timeout-ms must be a number of milliseconds above 0, and is ${JSON.stringify(text.slice(0, 100))}`,
  );
}

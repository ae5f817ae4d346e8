import assert from 'node:assert/strict';
import { SconceError } from '../../src/errors.js';

/** Message of the INVALID_CONFIGURATION that `attempt` must throw. */
export function refusalOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    assert.ok(error instanceof SconceError, String(error));
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    return error.message;
  }
  return assert.fail('it was accepted');
}

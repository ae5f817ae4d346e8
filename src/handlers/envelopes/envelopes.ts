import { SconceError } from '../../errors.js';
import type { Envelope } from './envelope.js';
import { jsonEnvelope } from './json.js';
import { kserveEnvelope } from './kserve.js';
import { kserveV2Envelope } from './kserve-v2.js';

/** By the names of TorchServe's `service_envelope`. `body` is what a handler gets without one. */
const envelopes: ReadonlyMap<string, Envelope | undefined> = new Map([
  ['body', undefined],
  ['json', jsonEnvelope],
  ['kserve', kserveEnvelope],
  ['kservev2', kserveV2Envelope],
]);

/**
 * The envelope of a name; undefined for none.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for a name that is not known
 */
export function envelopeOf(name: string | undefined): Envelope | undefined {
  if (name === undefined) return undefined;
  if (!envelopes.has(name)) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `envelope ${JSON.stringify(name)} is not known; there are ${[...envelopes.keys()].join(', ')}`,
    );
  }
  return envelopes.get(name);
}

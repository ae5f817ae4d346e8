import { inWords, type SconceError } from '../errors.js';
import type { ModelVersion } from './model-version.js';

/** Whether the models do what was asked of them. */
export interface Health {
  /**
   * What TorchServe's /ping says: false only when a default version has lost its devices, or has
   * failed or is stuck for longer than its maxRetryTimeoutInSec. A model that is loading, or could
   * not be found at start, is healthy.
   */
  healthy: boolean;
  /** True when every default version that shall have instances answers requests. */
  ready: boolean;
  /** Why it is not ready, by model and by device. */
  waitingFor: Record<string, string>;
}

/**
 * @param missing models the server was asked to start with and that could not be registered
 * @param lost devices without which the server does not go on, and why
 * @param changing whether the server is starting or stopping
 */
export function healthOf(
  defaults: readonly ModelVersion[],
  missing: ReadonlyMap<string, SconceError>,
  lost: ReadonlyMap<string, SconceError>,
  changing: boolean,
): Health {
  const waitingFor: Record<string, string> = {};
  for (const [name, error] of missing) waitingFor[name] = inWords(error);
  for (const version of defaults) {
    delete waitingFor[version.name];
    if (isReady(version)) continue;
    const { name, failure, state } = version;
    waitingFor[name] = failure === undefined ? state : inWords(failure);
  }
  for (const [device, error] of lost) waitingFor[device] = inWords(error);
  return {
    healthy: !defaults.some(isLost),
    ready: !changing && Object.keys(waitingFor).length === 0,
    waitingFor,
  };
}

/** True when the version answers requests, or is not asked to. */
export function isReady({
  state,
  minWorkers,
}: Pick<ModelVersion, 'state' | 'minWorkers'>): boolean {
  return state === 'ready' || (state === 'unloaded' && minWorkers === 0);
}

function isLost({ failedAt, failure, state, options }: ModelVersion): boolean {
  // There is nothing to be tried again.
  if (failure?.code === 'DEVICE_FAILED') return true;
  if ((state !== 'failed' && state !== 'stuck') || failedAt === undefined) return false;
  return performance.now() - failedAt > options.maxRetryTimeout * 1000;
}

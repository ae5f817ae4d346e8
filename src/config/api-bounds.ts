import { SconceError } from '../errors.js';
import type { ApiOptions } from './model-options.js';

/** Instances of one model version: each is a thread. */
export const mostInstances = 256;

/** The bounds of the settings of the same names; below them TorchServe passes over the number. */
const bounds = [
  ['batchSize', 'batch_size', 65_536],
  ['maxBatchDelay', 'max_batch_delay', 3_600_000],
  ['initialWorkers', 'initial_workers', mostInstances],
  ['responseTimeout', 'response_timeout', 86_400],
  ['startupTimeout', 'startup_timeout', 86_400],
] as const satisfies [keyof ApiOptions, string, number][];

/** @throws {SconceError} INVALID_REQUEST naming the parameter that is too large. */
export function checkApiOptions(options: ApiOptions): void {
  for (const [option, parameter, most] of bounds) checkAtMost(parameter, options[option], most);
}

/** @throws {SconceError} INVALID_REQUEST when more instances are asked for than there may be. */
export function checkInstances(parameter: string, count: number): void {
  checkAtMost(parameter, count, mostInstances);
}

function checkAtMost(parameter: string, value: number | undefined, most: number): void {
  if (value === undefined || value <= most) return;
  throw new SconceError('INVALID_REQUEST', `${parameter} ${value} is too large: at most ${most}`);
}

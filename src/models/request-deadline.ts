import { SconceError } from '../errors.js';
import { longestTimer } from '../timers.js';
import type { Prediction } from './prediction.js';

/**
 * Answers a request with an error when the time is over that it names itself, wherever it is by then.
 * A stream that has begun goes on.
 *
 * @param milliseconds from its arrival
 */
export function limitTime(
  prediction: Prediction,
  milliseconds: number,
  modelName: string,
  modelVersion: string,
): void {
  if (prediction.over) return;
  const moment = prediction.since + milliseconds;
  prediction.wantBy(moment);
  const expire = (): void =>
    prediction.expire(new SconceError('REQUEST_TIMEOUT', modelName, modelVersion, milliseconds));
  const left = moment - performance.now();
  if (left <= 0) {
    expire();
    return;
  }
  const timer = setTimeout(expire, Math.min(longestTimer, Math.ceil(left))).unref();
  prediction.onOver(() => clearTimeout(timer));
}

import { SconceError } from '../errors.js';

/**
 * The position that the field `target` of a request names; 0 without one, as in TorchServe.
 *
 * @throws {SconceError} INVALID_REQUEST when it is no position.
 */
export function explainedTarget(field: Uint8Array | undefined): number {
  if (field === undefined || field.byteLength === 0) return 0;
  const text = Buffer.from(field).toString().trim();
  const target = Number(text);
  if (/^\d{1,10}$/.test(text) && Number.isSafeInteger(target)) return target;
  throw new SconceError(
    'INVALID_REQUEST',
    `the field "target" is ${JSON.stringify(text.slice(0, 100))}; the position of an output is expected, an integer from 0 on`,
  );
}

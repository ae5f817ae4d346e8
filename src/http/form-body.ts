import { SconceError } from '../errors.js';
import type { RequestParameter } from '../handlers/handler.js';
import { mediaTypeOf } from './media-type.js';
import { readMultipart } from './multipart.js';

/** Parts or fields of one form. */
const mostFields = 10_000;

const urlEncoded = 'application/x-www-form-urlencoded';

/** Nearly every request says this one: there is no need to look into it. */
const usualType = 'application/json';

/** True for bodies that hold named parameters. */
export function isForm(contentType: string): boolean {
  if (contentType === usualType) return false;
  const type = mediaTypeOf(contentType);
  return type === urlEncoded || type.startsWith('multipart/');
}

/**
 * The parts of a multipart body or the fields of a form, in their order.
 *
 * @throws {SconceError} INVALID_REQUEST for a body that is not what its type says.
 */
export function readForm(contentType: string, body: Uint8Array): RequestParameter[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return mediaTypeOf(contentType) === urlEncoded
    ? readFields(bytes)
    : readMultipart(contentType, bytes, mostFields);
}

function readFields(body: Buffer): RequestParameter[] {
  const text = body.toString();
  if (text.split('&', mostFields + 1).length > mostFields) {
    throw new SconceError('INVALID_REQUEST', `the form has more than ${mostFields} fields`);
  }
  return [...new URLSearchParams(text)].map(([name, value]) => ({
    name,
    value: Buffer.from(value),
    contentType: undefined,
  }));
}

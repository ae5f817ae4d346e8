import type { HandlerRequest, RequestParameter } from '../handler.js';
import { type EnvelopeObject, readArray, readEnvelope, wrongMember } from './envelope-text.js';
import type { JsonSlice, JsonSlices } from './json-slices.js';

const jsonType = 'application/json';
const bytesType = 'application/octet-stream';
const textType = 'text/plain';

/** Where TorchServe's handlers look for the input in what they are given. */
const payloadNames = ['data', 'body'];

const base64Text = /^[\w+/\-\s]*=*\s*$/;

/**
 * The requests in `{"instances": [...]}`, one for each: what is no object, and an object without
 * `data` or `body`, is a body of JSON; another object is like a form with a field for each member.
 *
 * @param decodes whether `{"b64": "..."}` stands for bytes
 * @throws {SconceError} INVALID_REQUEST naming the instance
 */
export function readInstances(request: HandlerRequest, decodes: boolean): HandlerRequest[] {
  const envelope = readEnvelope(request);
  const { text } = envelope;
  return readArray(envelope, 'instances').map((slice, i) => {
    const path = `instances[${i}]`;
    const plain = { ...request, contentType: jsonType, parameters: undefined };
    if (text.kindOf(slice) !== 'an object') return { ...plain, body: text.bytesOf(slice) };
    const members = text.membersOf(slice);
    const whole = decodes ? readBase64({ text, members, path: `${path}.` }) : undefined;
    if (whole !== undefined) return { ...plain, body: whole, contentType: bytesType };
    const fields = [...members].map(([name, value]) =>
      readField(text, name, value, decodes ? `${path}.${name}.` : undefined),
    );
    const isForm =
      payloadNames.some((name) => members.has(name)) ||
      fields.some(({ contentType }) => contentType === bytesType);
    return { ...plain, body: text.bytesOf(slice), parameters: isForm ? fields : undefined };
  });
}

/** @param path of the field when it may be base64 */
function readField(
  text: JsonSlices,
  name: string,
  slice: JsonSlice,
  path: string | undefined,
): RequestParameter {
  const kind = text.kindOf(slice);
  if (kind === 'text') {
    return { name, value: Buffer.from(String(text.valueOf(slice))), contentType: textType };
  }
  const members = kind === 'an object' && path !== undefined ? text.membersOf(slice) : undefined;
  const bytes = members === undefined ? undefined : readBase64({ text, members, path: path ?? '' });
  return bytes === undefined
    ? { name, value: text.bytesOf(slice), contentType: jsonType }
    : { name, value: bytes, contentType: bytesType };
}

/** The bytes of `{"b64": "..."}`; undefined for another object. */
function readBase64({ text, members, path }: EnvelopeObject): Uint8Array | undefined {
  const slice = members.get('b64');
  if (slice === undefined || members.size > 1) return undefined;
  const value = text.valueOf(slice);
  if (typeof value !== 'string' || !base64Text.test(value)) {
    throw wrongMember(`${path}b64`, 'base64 text', 'something else');
  }
  return Buffer.from(value, 'base64');
}

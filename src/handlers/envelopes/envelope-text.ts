import { SconceError } from '../../errors.js';
import type { HandlerRequest } from '../handler.js';
import { payloadOf } from '../payload.js';
import { type JsonSlice, JsonSlices } from './json-slices.js';

/** An object in the text of an envelope, with its members. */
export interface EnvelopeObject {
  readonly text: JsonSlices;
  readonly members: ReadonlyMap<string, JsonSlice>;
  /** For messages: `inputs[0].`; empty for the envelope itself. */
  readonly path: string;
}

/** Says what is wrong with a member of an envelope. */
export function wrongMember(path: string, expected: string, found: string): SconceError {
  return new SconceError('INVALID_REQUEST', `${path}: expected ${expected}, found ${found}`);
}

/** The envelope of a request. Throws INVALID_REQUEST when it is no object. */
export function readEnvelope(request: HandlerRequest): EnvelopeObject {
  const text = new JsonSlices(payloadOf(request).body);
  if (text.kindOf(text) !== 'an object') {
    throw wrongMember('the body', 'an object', text.kindOf(text));
  }
  return { text, members: text.members, path: '' };
}

/** An element that must be an object. Throws INVALID_REQUEST naming it. */
export function readObject(text: JsonSlices, slice: JsonSlice, name: string): EnvelopeObject {
  if (text.kindOf(slice) !== 'an object') throw wrongMember(name, 'an object', text.kindOf(slice));
  return { text, members: text.membersOf(slice), path: `${name}.` };
}

/** The elements of a member that must be an array with something in it. Throws INVALID_REQUEST. */
export function readArray(object: EnvelopeObject, name: string): JsonSlice[] {
  const slice = member(object, name);
  const { text, path } = object;
  if (text.kindOf(slice) !== 'an array') {
    throw wrongMember(path + name, 'an array', text.kindOf(slice));
  }
  const elements = text.elementsOf(slice);
  if (elements.length === 0) throw wrongMember(path + name, 'at least one element', 'none');
  return elements;
}

/** A member that must be text. Throws INVALID_REQUEST. */
export function readText(object: EnvelopeObject, name: string): string {
  const slice = member(object, name);
  const value = object.text.valueOf(slice);
  if (typeof value === 'string') return value;
  throw wrongMember(object.path + name, 'text', object.text.kindOf(slice));
}

/** A member that must be there. Throws INVALID_REQUEST with the names of those that are. */
export function member({ members, path }: EnvelopeObject, name: string): JsonSlice {
  const found = members.get(name);
  if (found !== undefined) return found;
  const names = [...members.keys()].slice(0, 5).map((key) => JSON.stringify(key.slice(0, 100)));
  const where = path === '' ? 'the body' : path.slice(0, -1);
  throw new SconceError(
    'INVALID_REQUEST',
    `"${name}" is missing; ${where} has ${names.join(', ') || 'no member'}`,
  );
}

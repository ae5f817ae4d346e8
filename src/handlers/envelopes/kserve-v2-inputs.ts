import type { SconceError } from '../../errors.js';
import type { HandlerRequest } from '../handler.js';
import {
  type EnvelopeObject,
  member,
  readArray,
  readEnvelope,
  readObject,
  readText,
  wrongMember,
} from './envelope-text.js';
import type { JsonSlice, JsonSlices } from './json-slices.js';

/** Datatypes of the protocol; BYTES is text. */
const datatypes: ReadonlySet<string> = new Set([
  ...['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'],
  ...['FP16', 'FP32', 'FP64', 'BYTES'],
]);

/** Dimensions that a tensor may have. */
const longestRank = 32;

/** One tensor of a request. */
export interface KServeInput {
  name: string;
  datatype: string;
  shape: readonly number[];
  /** An array, flat or nested. */
  data: JsonSlice;
  /** For messages: `inputs[0]`. */
  path: string;
}

/** A request of KServe's protocol V2. */
export interface KServeInference {
  text: JsonSlices;
  /** The client's, or that of the request. */
  id: string;
  inputs: readonly KServeInput[];
  /** Milliseconds from its arrival within which the client wants the answer, where it says so. */
  timeout: number | undefined;
}

/** @throws {SconceError} INVALID_REQUEST naming the member that is missing or wrong */
export function readInference(request: HandlerRequest): KServeInference {
  const envelope = readEnvelope(request);
  const { text } = envelope;
  const inputs = readArray(envelope, 'inputs').map((slice, i) => {
    const path = `inputs[${i}]`;
    return readInput(readObject(text, slice, path), path);
  });
  const given = envelope.members.has('id') ? readText(envelope, 'id') : '';
  const id = given.trim() === '' ? request.id : given;
  return { text, id, inputs, timeout: readTimeout(envelope) };
}

/** The parameter `timeout` has microseconds, and 0 where there is no limit. */
function readTimeout({ text, members }: EnvelopeObject): number | undefined {
  const parameters = members.get('parameters');
  if (parameters === undefined || text.kindOf(parameters) !== 'an object') return undefined;
  const given = text.membersOf(parameters).get('timeout');
  if (given === undefined || text.kindOf(given) === 'null') return undefined;
  const value = text.valueOf(given);
  if (typeof value === 'number' && value >= 0) return value === 0 ? undefined : value / 1000;
  const found = typeof value === 'number' ? `${value}` : text.kindOf(given);
  throw wrongMember('parameters.timeout', 'a number of microseconds', found);
}

function readInput(object: EnvelopeObject, path: string): KServeInput {
  const { text } = object;
  const name = readText(object, 'name');
  const datatype = readText(object, 'datatype');
  if (!datatypes.has(datatype)) {
    throw wrongMember(
      `${path}.datatype`,
      `one of ${[...datatypes].join(', ')}`,
      JSON.stringify(datatype.slice(0, 100)),
    );
  }
  const shape = readShape(object, path);
  const data = member(object, 'data');
  if (text.kindOf(data) !== 'an array') {
    throw wrongMember(`${path}.data`, 'an array', text.kindOf(data));
  }
  return { name, datatype, shape, data, path };
}

function readShape(object: EnvelopeObject, path: string): number[] {
  const value = object.text.valueOf(member(object, 'shape'));
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) >= 0;
  if (!Array.isArray(value) || value.length > longestRank || !value.every(isSize)) {
    throw wrongMember(
      `${path}.shape`,
      'an array of whole numbers',
      JSON.stringify(value).slice(0, 100),
    );
  }
  return value;
}

/** How many elements a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** The data has another number of elements than the shape says. */
export function wrongSize({ path, shape }: KServeInput, found: number): SconceError {
  return wrongMember(
    `${path}.data`,
    `${sizeOf(shape)} elements for the shape [${shape}]`,
    `${found}`,
  );
}

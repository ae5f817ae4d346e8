import { SconceError } from '../errors.js';
import type { RequestParameter } from '../handlers/handler.js';
import { headerParameters, mediaTypeOf } from './media-type.js';

/** RFC 2046 allows no longer one. */
const longestBoundary = 70;

const lineEnd = '\r\n';
const headEnd = '\r\n\r\n';

/** A part of this type is taken for a file, whether it names one or not. */
const binaryType = 'application/octet-stream';

/**
 * The parts of a multipart/form-data body, which is in memory as a whole: their values are views of
 * it. A file's part keeps its type, a plain field has none.
 *
 * @throws {SconceError} INVALID_REQUEST for another multipart type, a body without the boundary of
 *   its type, one that is cut short, one of too many parts, and a part without a name.
 */
export function readMultipart(
  contentType: string,
  body: Buffer,
  mostParts: number,
): RequestParameter[] {
  const boundary = boundaryOf(contentType);
  const parameters: RequestParameter[] = [];
  for (const part of partsOf(body, boundary)) {
    if (parameters.length === mostParts) throw invalid(`it has more than ${mostParts} parts`);
    parameters.push(readPart(part, parameters.length + 1));
  }
  return parameters;
}

function boundaryOf(contentType: string): string {
  if (mediaTypeOf(contentType) !== 'multipart/form-data') {
    throw invalid(`of the multipart types only that is read, not ${contentType}`);
  }
  const boundary = headerParameters(contentType).get('boundary') ?? '';
  if (boundary === '' || boundary.length > longestBoundary) {
    throw invalid(
      `its content-type must name a boundary of 1 to ${longestBoundary} characters: ${contentType}`,
    );
  }
  return boundary;
}

/** A line that is the boundary. */
interface Delimiter {
  /** Where what is before it ends. */
  start: number;
  /** Where what is behind it begins. */
  end: number;
  /** Nothing is behind it. */
  last: boolean;
}

/** What stands between the boundaries: headers, an empty line, the value. */
function* partsOf(body: Buffer, boundary: string): Generator<Buffer> {
  const line = `${lineEnd}--${boundary}`;
  // The first needs no line before it.
  const dashes = line.slice(lineEnd.length);
  const isFirst = body.toString('latin1', 0, dashes.length) === dashes;
  const first = isFirst ? readDelimiter(body, 0, dashes.length) : undefined;
  let delimiter = first ?? findDelimiter(body, line, 0);
  if (delimiter === undefined) throw invalid(`it does not hold its boundary ${boundary}`);
  while (!delimiter.last) {
    const next = findDelimiter(body, line, delimiter.end);
    if (next === undefined) throw invalid('it ends before its last boundary');
    yield body.subarray(delimiter.end, next.start);
    delimiter = next;
  }
}

/** The next boundary from there on. A line that only begins like it belongs to a value. */
function findDelimiter(body: Buffer, line: string, from: number): Delimiter | undefined {
  for (
    let start = body.indexOf(line, from, 'latin1');
    start >= 0;
    start = body.indexOf(line, start + line.length, 'latin1')
  ) {
    const found = readDelimiter(body, start, start + line.length);
    if (found !== undefined) return found;
  }
  return undefined;
}

function readDelimiter(body: Buffer, start: number, after: number): Delimiter | undefined {
  if (body.toString('latin1', after, after + 2) === '--') {
    return { start, end: after + 2, last: true };
  }
  let end = after;
  while (body[end] === 0x20 || body[end] === 0x09) end += 1;
  if (body.toString('latin1', end, end + lineEnd.length) !== lineEnd) return undefined;
  return { start, end: end + lineEnd.length, last: false };
}

/** @param number of the part, for people */
function readPart(part: Buffer, number: number): RequestParameter {
  const end = part.indexOf(headEnd, 0, 'latin1');
  if (end < 0) throw invalid(`its part ${number} has no empty line behind its headers`);
  const headers = readHeaders(part.toString('utf8', 0, end));
  const disposition = headers.get('content-disposition') ?? '';
  const parameters = headerParameters(disposition);
  const name = parameters.get('name');
  if (mediaTypeOf(disposition) !== 'form-data' || name === undefined) {
    throw invalid(`its part ${number} has no header Content-Disposition: form-data; name="…"`);
  }
  const type = headers.get('content-type');
  const mediaType = type === undefined ? undefined : mediaTypeOf(type);
  const isFile = parameters.has('filename') || parameters.has('filename*');
  return {
    name,
    value: part.subarray(end + headEnd.length),
    contentType: isFile || mediaType === binaryType ? mediaType : undefined,
  };
}

/** Values by lower-case name; the first of a name counts. */
function readHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split(lineEnd)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

function invalid(why: string): SconceError {
  return new SconceError('INVALID_REQUEST', `the body is not multipart/form-data: ${why}`);
}

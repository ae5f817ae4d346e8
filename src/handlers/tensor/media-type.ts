export const jsonType = 'application/json';
export const binaryType = 'application/octet-stream';

/** The media type of a content-type header, without its parameters, in lower case. */
export function mediaType(header: string | undefined): string {
  if (header === undefined || header === jsonType) return jsonType;
  return (header.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** The first type of an accept header that the tensor handler can answer with. */
export function preferredType(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === '*/*') return undefined;
  return accept
    .split(',')
    .map(mediaType)
    .find((type) => type === jsonType || type === binaryType);
}

import type { Payload } from '../api/handler-input.js';
import { jsonType, mediaType } from '../tensor/media-type.js';
import { imageFormatOf } from './image-format.js';

/** What a request has brought: the bytes of an image file, or what takes the place of its pixels. */
export type ImageInput =
  | { readonly kind: 'image'; readonly bytes: Uint8Array }
  | { readonly kind: 'value'; readonly value: unknown };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** `data:image/png;base64,`, as browsers write images into text. */
const dataUrl = /^\s*data:[^,]*,/;

/**
 * Reads a request as TorchServe's image handlers do: text and JSON strings are base64, other JSON is
 * a value, and everything else is the image. What is an image is never taken for text, and what
 * claims to be text or JSON without being it is taken for an image.
 */
export function imageInput({ bytes, contentType }: Payload): ImageInput {
  const type = contentType === undefined ? undefined : mediaType(contentType);
  const isJson = type === jsonType;
  if (!isJson && !type?.startsWith('text/')) return { kind: 'image', bytes };
  const text = imageFormatOf(bytes) === undefined ? decoded(bytes) : undefined;
  if (text === undefined) return { kind: 'image', bytes };
  if (!isJson) return fromBase64(text);
  const value = parsed(text);
  if (value === undefined) return { kind: 'image', bytes };
  return typeof value === 'string' ? fromBase64(value) : { kind: 'value', value };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromBase64(text: string): ImageInput {
  return { kind: 'image', bytes: Buffer.from(text.replace(dataUrl, ''), 'base64') };
}
